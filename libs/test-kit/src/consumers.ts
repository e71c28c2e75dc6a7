// Outside consumers of a test's stack, as `careseal consumer add` makes them: a NATS user of its own, the types that it
// may read, and a durable consumer that the deployer alone can make.
import type { ConsumerGrant, EventType } from '@careseal/contracts'
import { connectPatiently, ensureOutsideConsumer, type NatsConnection } from '@careseal/messaging'
import { consumersOf, natsSeedFileOf, publicNkeyOf, writeConsumers, type DataDir } from '@careseal/stack'
import { TestKitError } from './failures.js'
import type { Grant } from './options.js'
import type { ConsumerAccess } from './test-stack.js'

const DEADLINE_MS = 20_000

/** Puts grants onto the list; a broker that starts afterwards knows them, one that runs takes them up by itself. */
export function listConsumers(dataDir: DataDir, grants: readonly Grant[]): void {
  const names = new Set(grants.map(({ name }) => name))
  const others = consumersOf(dataDir).filter(({ name }) => !names.has(name))
  writeConsumers(dataDir, [
    ...others,
    ...grants.map((grant) => ({ ...grant, publicNkey: publicNkeyOf(dataDir, grant.name) })),
  ])
}

/** Makes the durable consumers of all that are listed, and waits until the broker lets each of them in. */
export async function makeDurables(dataDir: DataDir, url: string): Promise<void> {
  const consumers = consumersOf(dataDir)
  if (consumers.length === 0) return
  const deployer = await login(dataDir, url, 'deployer')
  try {
    for (const consumer of consumers) await ensureOutsideConsumer(deployer, consumer)
  } finally {
    await deployer.close()
  }
  for (const { name } of consumers) await (await login(dataDir, url, name)).close()
}

/** How a listed consumer connects. Throws for one that was never granted anything. */
export function accessOf(dataDir: DataDir, url: string, name: string): ConsumerAccess {
  const found = consumersOf(dataDir).find((each) => each.name === name)
  if (!found) throw unknownConsumer(name, consumersOf(dataDir))
  return { nats: { url, seedFile: natsSeedFileOf(dataDir, name) }, durable: name, types: found.types as EventType[] }
}

function unknownConsumer(name: string, known: readonly ConsumerGrant[]): TestKitError {
  const names = known.map((each) => each.name).join(', ') || 'none'
  const mend = `name it in the option consumers, or call addConsumer`
  return new TestKitError('unknown-consumer', `there is no consumer "${name}" (there are: ${names}): ${mend}`)
}

function login(dataDir: DataDir, url: string, name: string): Promise<NatsConnection> {
  return connectPatiently({ url, name, seedFile: natsSeedFileOf(dataDir, name) }, { deadlineMs: DEADLINE_MS })
}
