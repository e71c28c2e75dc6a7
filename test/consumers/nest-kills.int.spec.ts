// A NestJS consumer that is killed or that blocks, whatever it does at that moment: nothing is lost, each event comes
// again as the README of nest-jetstream says, and another consumer never notices.
import { connectNats, publishEvents, type NatsConnection } from '@careseal/messaging'
import { startNats, type RunningNats } from '@careseal/stack'
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { TestProducer } from './consuming-world.js'
import { KillableConsumers, upTo } from './killable-consumers.js'

let folder: string
let nats: RunningNats
let nc: NatsConnection
let identity: TestProducer
let consumers: KillableConsumers

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-nest-kills-'))
  nats = await startNats()
  nc = await connectNats({ url: nats.url, name: 'spec' })
  identity = new TestProducer('identity')
  consumers = new KillableConsumers('nest-consumer.child.ts', folder)
})

afterEach(async () => {
  await consumers.killAll()
  await nc.close()
  await nats.stop()
  rmSync(folder, { recursive: true, force: true })
})

function start(way: 'works' | 'in-order' | 'blocks', blocksMs = 60_000) {
  return consumers.start(nats.url, folder, way, blocksMs)
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 40_000, interval: 50 })

// The streams are the child's to make, as of every service on one machine.
async function publish(count: number): Promise<void> {
  const events = identity.add(Array.from({ length: count }, () => 'AccountClosed' as const))
  await until(() => publishEvents(nc, events))
}

async function isSettled(): Promise<void> {
  const info = await (await jetstreamManager(nc)).consumers.info('EVENTS', 'audit')
  expect([info.num_ack_pending, info.num_pending]).toEqual([0, 0])
}

/** How many messages another durable consumer gets while the first one is as it is. */
async function othersGet(count: number): Promise<number> {
  const manager = await jetstreamManager(nc)
  await manager.consumers.add('EVENTS', { durable_name: 'other', ack_policy: AckPolicy.Explicit })
  const messages = await (await jetstream(nc).consumers.get('EVENTS', 'other')).fetch({ max_messages: count })
  let got = 0
  for await (const message of messages) {
    message.ack()
    got++
  }
  return got
}

describe('a NestJS consumer', () => {
  it('that is killed again and again in its work has seen every event in the end', async () => {
    const first = start('works')
    await publish(100)
    await until(() => expect(consumers.seen().length).toBeGreaterThan(8))
    await consumers.kill(first)
    for (let round = 0; round < 2; round++) {
      const before = consumers.different().length
      const child = start('works')
      await until(() => expect(consumers.different().length).toBeGreaterThan(before + 8))
      await consumers.kill(child)
    }
    start('works')
    await until(() => expect(consumers.different()).toEqual(upTo(100)))
    await until(isSettled)
  }, 120_000)

  it('that is killed while it blocks gets the event again, and kept no other consumer waiting', async () => {
    const stuck = start('blocks')
    await publish(6)
    await until(() => expect(consumers.seen()).toEqual([1, 2, 3]))
    expect(await othersGet(6)).toBe(6)
    await consumers.kill(stuck)
    start('works')
    await until(() => expect(consumers.different()).toEqual(upTo(6)))
    expect(consumers.seen().filter((seq) => seq === 3)).toHaveLength(2)
    await until(isSettled)
  }, 90_000)

  it('that keeps the order keeps it over kills: an event may come again, but none comes after a later one', async () => {
    let child = start('in-order')
    await publish(60)
    for (let round = 0; round < 3; round++) {
      const before = consumers.different().length
      await until(() => expect(consumers.different().length).toBeGreaterThan(before + 5))
      await consumers.kill(child)
      child = start('in-order')
    }
    await until(() => expect(consumers.different()).toEqual(upTo(60)))
    expect(consumers.seen()).toEqual(consumers.seen().toSorted((a, b) => a - b))
    await until(isSettled)
  }, 120_000)

  it('that blocks for longer than the broker waits loses nothing and settles everything in the end', async () => {
    start('blocks', 3000)
    await publish(6)
    await until(() => expect(consumers.different()).toEqual(upTo(6)))
    await until(isSettled)
  }, 90_000)
})
