// The client library hears all answers in one subscription, and looks at the headers of those without a body. It throws
// at a name that it does not like, which ends the connection: one who is asked could silence the one who asks.
import { MsgImpl } from '@nats-io/nats-core/internal'

let isGuarded = false

/** From now on headers that the library cannot read count as none, in this process. Safe to call again. */
export function guardAnswersHeaders(): void {
  const decode = Object.getOwnPropertyDescriptor(MsgImpl.prototype, 'headers')?.get
  if (isGuarded || decode === undefined) return
  isGuarded = true
  Object.defineProperty(MsgImpl.prototype, 'headers', {
    configurable: true,
    get(this: MsgImpl): unknown {
      try {
        return decode.call(this)
      } catch {
        return undefined
      }
    },
  })
}
