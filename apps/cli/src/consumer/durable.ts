// The broker's side of outside consumers, with the deployer's rights.
import type { ConsumerGrant } from '@careseal/contracts'
import {
  connectNats,
  ensureOutsideConsumer,
  removeOutsideConsumer,
  type NatsConnection,
  type NatsOptions,
} from '@careseal/messaging'
import { consumersOf, natsSeedFileOf, type CaresealStack, type DataDir } from '@careseal/stack'
import { setTimeout } from 'node:timers/promises'
import { unreachable } from '../exit.js'

/** The one NATS user that makes consumers, and that recipients answer. */
const DEPLOYER = 'deployer'

const ATTEMPTS = 5
const PAUSE_MS = 1000

/** Connects as the deployer, does the work, and closes. Throws (unreachable) where no broker answers. */
export async function asDeployer<T>(
  { nats, dataDir }: { nats: string; dataDir: DataDir },
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const options = { url: nats, name: DEPLOYER, seedFile: natsSeedFileOf(dataDir, DEPLOYER) }
  const nc = await connectPatiently(options).catch((error: unknown) => {
    throw unreachable(nats, error)
  })
  return work(nc).finally(() => nc.close())
}

// A broker that takes up another list of users at this moment lets nobody in.
async function connectPatiently(options: NatsOptions): Promise<NatsConnection> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await connectNats(options)
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      await setTimeout(PAUSE_MS)
    }
  }
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
