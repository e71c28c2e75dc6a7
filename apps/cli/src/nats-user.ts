// The broker, as one of the NATS users whose seeds lie in the data folder.
import { connectPatiently, type NatsConnection } from '@careseal/messaging'
import { natsSeedFileOf, type DataDir } from '@careseal/stack'
import { unreachable } from './exit.js'

/** The one NATS user that makes consumers, that recipients answer, and that may have keys destroyed. */
export const DEPLOYER = 'deployer'

const CONNECT_DEADLINE_MS = 15_000

export type NatsPlace = { nats: string; dataDir: DataDir }

/** Connects as a user, does the work, and closes. Throws (unreachable) where no broker answers. */
export async function asNatsUser<T>(
  name: string,
  { nats, dataDir }: NatsPlace,
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const options = { url: nats, name, seedFile: natsSeedFileOf(dataDir, name) }
  const nc = await connectPatiently(options, { deadlineMs: CONNECT_DEADLINE_MS }).catch((error: unknown) => {
    throw unreachable(nats, error)
  })
  return work(nc).finally(() => nc.close())
}
