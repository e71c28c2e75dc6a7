// The broker's side of outside consumers, with the deployer's rights.
import type { ConsumerGrant } from '@careseal/contracts'
import { ensureOutsideConsumer, removeOutsideConsumer } from '@careseal/messaging'
import { consumersOf, type CaresealStack } from '@careseal/stack'
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

export async function removeDurable(place: NatsPlace, name: string): Promise<void> {
  await asNatsUser(DEPLOYER, place, (nc) => removeOutsideConsumer(nc, name))
}
