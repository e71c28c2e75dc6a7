// The broker's side of outside consumers, with the deployer's rights.
import type { ConsumerGrant } from '@careseal/contracts'
import { ensureOutsideConsumer, EVENTS_STREAM, removeOutsideConsumer, type NatsConnection } from '@careseal/messaging'
import { consumersOf, type CaresealStack } from '@careseal/stack'
import { JetStreamApiCodes, JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import { asNatsUser, DEPLOYER, type NatsPlace } from '../nats-user.js'

/** Makes the durable consumers of a stack that has just started: its broker may have lost its data. */
export async function restoreConsumers({ nats, dataDir }: CaresealStack): Promise<void> {
  const consumers = consumersOf(dataDir)
  if (consumers.length === 0) return
  await asNatsUser(DEPLOYER, { nats: nats.url, dataDir }, async (nc) => {
    for (const consumer of consumers) await ensureOutsideConsumer(nc, consumer)
  })
}

export async function makeDurable(place: NatsPlace, grant: ConsumerGrant): Promise<void> {
  await asNatsUser(DEPLOYER, place, (nc) => ensureOutsideConsumer(nc, grant))
}

/** Resolves to whether there was one. */
export async function removeDurable(place: NatsPlace, name: string): Promise<boolean> {
  return asNatsUser(DEPLOYER, place, async (nc) => {
    const isThere = await hasDurable(nc, name)
    await removeOutsideConsumer(nc, name)
    return isThere
  })
}

async function hasDurable(nc: NatsConnection, name: string): Promise<boolean> {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  try {
    await manager.consumers.info(EVENTS_STREAM.name, name)
    return true
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return false
    throw error
  }
}
