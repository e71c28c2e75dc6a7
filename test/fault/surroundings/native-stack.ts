// The whole ledger natively, with the programs that images hold, as far as the options say nothing else.
import { renderAuthorization } from '@careseal/messaging'
import { createCaresealStack, PACKED, type CaresealStack, type StackOptions } from '@careseal/stack'

export function startNativeStack(dataDir: string, more: StackOptions = {}): Promise<CaresealStack> {
  return createCaresealStack({
    dataDir,
    parts: 'native',
    programs: PACKED,
    natsAuthorization: (users, options) => renderAuthorization([...users], options),
    ...more,
  })
}
