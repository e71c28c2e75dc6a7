// A ledger in which a service was rolled back does not start, for that service never gets ready; yet its recovery needs
// the broker, the ledger and the service. So the ledger is started for it alone, and waits for no producer.
import { renderAuthorization } from '@careseal/messaging'
import {
  createCaresealStack,
  holdsLedger,
  PACKED,
  readRunningState,
  witnessCountOf,
  type DataDir,
  type StackState,
} from '@careseal/stack'
import type { Context } from '../context.js'

/** Works on the ledger that runs on the data folder; on one that is stopped, starts it before and stops it after. */
export async function whileRunning<T>(
  context: Context,
  work: (dataDir: DataDir, state: StackState) => Promise<T>,
): Promise<T> {
  const dataDir = context.dataDir()
  if (readRunningState(dataDir) || !holdsLedger(dataDir)) return work(dataDir, context.runningState())
  context.terminal.note('the ledger is stopped: it is started for this, and stopped again')
  const stack = await createCaresealStack({
    parts: 'native',
    dataDir: dataDir.root,
    demo: false,
    witnesses: witnessCountOf(dataDir),
    programs: PACKED,
    awaited: ['ledger-sequencer'],
    natsAuthorization: (users, rights) => renderAuthorization([...users], rights),
  })
  try {
    return await work(dataDir, stack.state())
  } finally {
    await stack.stop()
  }
}
