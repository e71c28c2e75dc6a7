import { connectNats, ensureStreams, ServerUnfit, type NatsConnection, type NatsOptions } from '@careseal/messaging'
import { setTimeout as sleep } from 'node:timers/promises'

export type PatientOptions = NatsOptions & {
  manageStreams?: boolean | undefined
  /** False where the streams are none of this user's business: it may not even ask how they are. Default true. */
  checkStreams?: boolean | undefined
  connectDeadlineMs?: number | undefined
}

const DEADLINE_MS = 60_000
const PAUSE_MS = 500

/**
 * Connects and makes sure of the streams, trying again until the deadline: at start the broker may come after us.
 *
 * Rejects with the last failure; at once with ServerUnfit, which no patience mends.
 */
export async function connectPatiently(options: PatientOptions): Promise<NatsConnection> {
  const giveUpAt = performance.now() + (options.connectDeadlineMs ?? DEADLINE_MS)
  for (;;) {
    try {
      return await connectOnce(options)
    } catch (error) {
      if (error instanceof ServerUnfit || performance.now() > giveUpAt) throw error
      await sleep(PAUSE_MS)
    }
  }
}

async function connectOnce(options: PatientOptions): Promise<NatsConnection> {
  const nc = await connectNats(options)
  try {
    if (options.checkStreams ?? true) await ensureStreams(nc, options.manageStreams ?? true)
    return nc
  } catch (error) {
    await nc.close()
    throw error
  }
}
