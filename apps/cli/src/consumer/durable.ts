// The broker's side of outside consumers, with the deployer's rights.
import type { ConsumerGrant } from '@careseal/contracts'
import {
  connectPatiently,
  ensureOutsideConsumer,
  removeOutsideConsumer,
  type NatsConnection,
} from '@careseal/messaging'
import { consumersOf, natsSeedFileOf, type CaresealStack, type DataDir } from '@careseal/stack'
import { unreachable } from '../exit.js'

/** The one NATS user that makes consumers, and that recipients answer. */
const DEPLOYER = 'deployer'

const CONNECT_DEADLINE_MS = 15_000

/** Connects as the deployer, does the work, and closes. Throws (unreachable) where no broker answers. */
export async function asDeployer<T>(
  { nats, dataDir }: { nats: string; dataDir: DataDir },
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const options = { url: nats, name: DEPLOYER, seedFile: natsSeedFileOf(dataDir, DEPLOYER) }
  const nc = await connectPatiently(options, { deadlineMs: CONNECT_DEADLINE_MS }).catch((error: unknown) => {
    throw unreachable(nats, error)
  })
  return work(nc).finally(() => nc.close())
}

/** Makes the durable consumers of a stack that has just started: its broker may have lost its data. */
export async function restoreConsumers({ nats, dataDir }: CaresealStack): Promise<void> {
  const consumers = consumersOf(dataDir)
  if (consumers.length === 0) return
  await asDeployer({ nats: nats.url, dataDir }, async (nc) => {
    for (const consumer of consumers) await ensureOutsideConsumer(nc, consumer)
  })
}

export async function makeDurable(place: { nats: string; dataDir: DataDir }, grant: ConsumerGrant): Promise<void> {
  await asDeployer(place, (nc) => ensureOutsideConsumer(nc, grant))
}

export async function removeDurable(place: { nats: string; dataDir: DataDir }, name: string): Promise<void> {
  await asDeployer(place, (nc) => removeOutsideConsumer(nc, name))
}
