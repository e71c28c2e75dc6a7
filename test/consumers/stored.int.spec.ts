// A consumer that keeps no position of its own: the broker alone remembers what it has settled.
import { consume, type Consumer, type Trouble } from '@careseal/client'
import { eventHeaders } from '@careseal/event-envelope'
import { setTimeout as sleep } from 'node:timers/promises'
import { MsgHdrsImpl } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'
import { KillableConsumers, upTo } from './killable-consumers.js'

let world: ConsumingWorld
let consent: TestProducer
let consumers: KillableConsumers
let running: Consumer[] = []
let troubles: Trouble[] = []

beforeEach(async () => {
  world = new ConsumingWorld([{ name: 'billing', types: ['ConsentGranted'] }])
  await world.start()
  consent = new TestProducer('consent')
  world.answer(consent)
  consumers = new KillableConsumers('consumer.child.ts', world.folder)
  running = []
  troubles = []
})

afterEach(async () => {
  await consumers.killAll()
  await Promise.all(running.map((consumer) => consumer.stop()))
  await world.stop()
})

async function billing(seen: number[], options: { replay?: boolean } = {}): Promise<Consumer> {
  const consumer = await consume({
    nats: world.broker('billing'),
    durable: 'billing',
    types: ['ConsentGranted'],
    onEvent: (_event, { seq }) => void seen.push(seq),
    onTrouble: (trouble) => void troubles.push(trouble),
    ...options,
  })
  running.push(consumer)
  return consumer
}

function startChild() {
  const { url, seedFile } = world.broker('billing')
  return consumers.start(url, seedFile, world.folder, 'works', 0, 'stored')
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 })
const events = (count: number) => consent.add(Array.from({ length: count }, () => 'ConsentGranted' as const))

describe('a consumer without a position of its own', () => {
  it('that is killed again and again while events keep coming has seen every one in the end', async () => {
    await world.waitForAcknowledgements('billing', 2000)
    await world.publish(consent, events(60))
    for (let round = 0; round < 3; round++) {
      const before = consumers.seen().length
      const child = startChild()
      await until(() => expect(consumers.seen().length).toBeGreaterThan(before + 8))
      await consumers.kill(child)
      // These the broker gives out at once, and what the killed one had taken only after a while.
      await world.publish(consent, events(20))
    }
    startChild()
    await until(() => expect(consumers.different()).toEqual(upTo(120)))
  }, 90_000)

  it.each([true, false])('loses nothing that it had taken when it stopped (replay: %s)', async (replay) => {
    await world.waitForAcknowledgements('billing', 2000)
    await world.publish(consent, events(10))
    await world.take('billing', 4)
    await world.publish(consent, events(5))
    const seen: number[] = []
    await billing(seen, { replay })
    await until(() => expect(seen).toEqual(upTo(15)))
  })

  it('that finds nothing new has reached whatever the ledger holds', async () => {
    const seen: number[] = []
    const first = await billing(seen)
    await world.publish(consent, events(3))
    await first.reached({ consent: 3 })
    await until(async () => expect(await world.outstanding('billing')).toEqual([0, 0]))
    await first.stop()
    const second = await billing(seen)
    await second.reached({ consent: 3 })
    expect(seen).toEqual([1, 2, 3])
  })

  it('fetches an event that came unreadable before any other, and not all that there ever were', async () => {
    await world.publish(consent, events(5))
    const seen: number[] = []
    const first = await billing(seen)
    await until(async () => expect(await world.outstanding('billing')).toEqual([0, 0]))
    await first.stop()
    const [sixth, seventh] = events(2)
    const headers = MsgHdrsImpl.fromRecord({ ...eventHeaders(sixth!), 'ledger-tag': ['unreadable'] })
    await world.as('consent').request(sixth!.subject, sixth!.body, { headers, timeout: 5000 })
    const again: number[] = []
    await billing(again)
    await sleep(300)
    expect(again).toEqual([])
    await world.publish(consent, [seventh!])
    await until(() => expect(again).toEqual([6, 7]))
    await until(async () => expect(await world.outstanding('billing')).toEqual([0, 0]))
    expect(troubles).toEqual([])
  })
})
