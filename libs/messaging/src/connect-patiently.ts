import { setTimeout as sleep } from 'node:timers/promises'
import { connectNats, type NatsConnection, type NatsOptions } from './connection.js'
import { ServerUnfit } from './errors.js'

export type Patience = {
  deadlineMs: number
  /** What has to work as well before the connection counts. */
  prepare?: (nc: NatsConnection) => Promise<void>
}

const PAUSE_MS = 200
const FIRST_ATTEMPT_MS = 1_000
const LONGEST_ATTEMPT_MS = 8_000

/**
 * As `connectNats`, trying again until the deadline: the broker may come after us, and while it takes up another list of
 * users it lets nobody in. Who comes at that moment is never answered, so the first attempts are short; a slow machine
 * has the later ones.
 *
 * Rejects with the last failure; at once with ServerUnfit, which no patience mends.
 */
export async function connectPatiently(options: NatsOptions, patience: Patience): Promise<NatsConnection> {
  const giveUpAt = performance.now() + patience.deadlineMs
  for (let timeoutMs = FIRST_ATTEMPT_MS; ; timeoutMs = Math.min(timeoutMs * 2, LONGEST_ATTEMPT_MS)) {
    try {
      return await connectOnce({ timeoutMs, ...options }, patience)
    } catch (error) {
      if (error instanceof ServerUnfit || performance.now() > giveUpAt) throw error
      await sleep(PAUSE_MS)
    }
  }
}

async function connectOnce(options: NatsOptions, { prepare }: Patience): Promise<NatsConnection> {
  const nc = await connectNats(options)
  try {
    await prepare?.(nc)
    return nc
  } catch (error) {
    await nc.close()
    throw error
  }
}
