import { setTimeout as sleep } from 'node:timers/promises'
import { connectNats, type NatsConnection, type NatsOptions } from './connection.js'
import { ServerUnfit } from './errors.js'

export type Patience = {
  deadlineMs: number
  /** What has to work as well before the connection counts. */
  prepare?: (nc: NatsConnection) => Promise<void>
}

const PAUSE_MS = 200

/**
 * As `connectNats`, trying again until the deadline: the broker may come after us, and while it takes up another list of
 * users it lets nobody in.
 *
 * Rejects with the last failure; at once with ServerUnfit, which no patience mends.
 */
export async function connectPatiently(options: NatsOptions, patience: Patience): Promise<NatsConnection> {
  const giveUpAt = performance.now() + patience.deadlineMs
  for (;;) {
    try {
      return await connectOnce(options, patience)
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
