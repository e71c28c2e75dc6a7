// A consumer that is killed, whatever it does at that moment: nothing is lost, and the others never notice.
import { consume, type Consumer } from '@careseal/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, TestProducer } from './consuming-world.js'
import { KillableConsumers, upTo } from './killable-consumers.js'

let world: ConsumingWorld
let consent: TestProducer
let consumers: KillableConsumers
let running: Consumer[] = []

beforeEach(async () => {
  world = new ConsumingWorld([
    { name: 'billing', types: ['ConsentGranted'] },
    { name: 'research', types: ['ConsentGranted'] },
  ])
  await world.start()
  consent = new TestProducer('consent')
  world.answer(consent)
  consumers = new KillableConsumers('consumer.child.ts', world.folder)
  running = []
})

afterEach(async () => {
  await consumers.killAll()
  await Promise.all(running.map((consumer) => consumer.stop()))
  await world.stop()
})

function start(way: 'works' | 'blocks' | 'throws', blocksMs = 60_000) {
  const { url, seedFile } = world.broker('billing')
  return consumers.start(url, seedFile, world.folder, way, blocksMs)
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 25_000, interval: 50 })
const events = (count: number) => consent.add(Array.from({ length: count }, () => 'ConsentGranted' as const))

describe('a consumer that is killed', () => {
  it('again and again in its work has seen every event in the end', async () => {
    await world.publish(consent, events(120))
    for (let round = 0; round < 4; round++) {
      const before = consumers.seen().length
      const child = start('works')
      await until(() => expect(consumers.seen().length).toBeGreaterThan(before + 8))
      await consumers.kill(child)
    }
    start('works')
    await until(() => expect(consumers.different()).toEqual(upTo(120)))
  }, 90_000)

  it('while it blocks goes on at the event that blocked it, and kept no other consumer waiting', async () => {
    const others: number[] = []
    const research = await consume({
      nats: world.broker('research'),
      durable: 'research',
      types: ['ConsentGranted'],
      onEvent: (_event, { seq }) => void others.push(seq),
    })
    running.push(research)
    const stuck = start('blocks')
    await world.publish(consent, events(6))
    await until(() => expect(consumers.seen()).toEqual([1, 2, 3]))
    await until(() => expect(others).toEqual(upTo(6)))
    await consumers.kill(stuck)
    start('works')
    await until(() => expect([...new Set(consumers.seen())]).toEqual(upTo(6)))
    expect(consumers.seen().filter((seq) => seq === 3)).toHaveLength(2)
  }, 60_000)

  it('between two attempts at an event that it cannot handle goes on at that event', async () => {
    const failing = start('throws')
    await world.publish(consent, events(6))
    await until(() => expect(consumers.seen().slice(0, 4)).toEqual([1, 2, 3, 3]))
    await consumers.kill(failing)
    expect(await world.deadLetters('billing')).toEqual([])
    start('works')
    await until(() => expect(consumers.different()).toEqual(upTo(6)))
    expect(consumers.seen().slice(-4)).toEqual([3, 4, 5, 6])
  }, 60_000)

  it('not at all, but blocks for longer than the broker waits, handles nothing twice that it had settled', async () => {
    await world.waitForAcknowledgements('billing', 1000)
    start('blocks', 3500)
    await world.publish(consent, events(6))
    await until(() => expect(consumers.seen()).toEqual(upTo(6)))
    await vi.waitFor(async () => expect(await world.outstanding('billing')).toEqual([0, 0]), 15_000)
    expect(consumers.seen()).toEqual(upTo(6))
  }, 60_000)
})
