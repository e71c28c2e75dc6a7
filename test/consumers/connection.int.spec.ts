// What can go wrong between a consumer and the broker, or with those who answer it, while it runs.
import { consume, type Consumer } from '@careseal/client'
import { rmSync } from 'node:fs'
import { MsgHdrsImpl } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, ORIGIN, TestProducer } from './consuming-world.js'
import { KillableConsumers } from './killable-consumers.js'

let world: ConsumingWorld
let consent: TestProducer
let consumers: KillableConsumers
let running: Consumer[] = []

beforeEach(async () => {
  world = new ConsumingWorld([{ name: 'billing', types: ['ConsentGranted'] }])
  await world.start()
  consent = new TestProducer('consent')
  consumers = new KillableConsumers('consumer.child.ts', world.folder)
  running = []
})

afterEach(async () => {
  await consumers.killAll()
  await Promise.all(running.map((consumer) => consumer.stop()))
  await world.stop()
})

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 })
const granted = () => consent.add(['ConsentGranted'])

async function billing(seen: number[], url = world.broker('billing').url): Promise<void> {
  const consumer = await consume({
    nats: { ...world.broker('billing'), url },
    durable: 'billing',
    types: ['ConsentGranted'],
    from: 'beginning',
    origin: ORIGIN,
    checkIntervalMs: 300,
    onEvent: (_event, { seq }) => void seen.push(seq),
  })
  running.push(consumer)
}

describe('a consumer', () => {
  it('is there again after a restart of the broker, although its seed file was gone at that moment', async () => {
    world.answer(consent)
    const seen: number[] = []
    await billing(seen)
    await world.publish(consent, granted())
    await until(() => expect(seen).toEqual([1]))
    rmSync(world.broker('billing').seedFile)
    await world.wipe()
    await until(() => world.makeConsumers())
    granted()
    await until(() => expect(seen).toEqual([1, 2]))
  })

  it('does not speak without TLS to a broker that it was to speak to with it', async () => {
    const url = world.broker('billing').url.replace('nats://', 'tls://')
    await expect(billing([], url)).rejects.toThrow(/tls/i)
  })

  // In a process of its own, in which nothing of Careseal's services has mended the client library.
  it('hears of new events whatever a producer answers it', async () => {
    const { url, seedFile } = world.broker('billing')
    const headers = MsgHdrsImpl.fromRecord({ 'no name': ['x'] })
    let answered = 0
    const hostile = world.as('consent').subscribe('cmd.consent.replay-for.billing', {
      callback: (_error, message) => {
        answered++
        message.respond('', { headers })
      },
    })
    await world.as('consent').flush()
    consumers.start(url, seedFile, world.folder, 'works', 0)
    await until(() => expect(answered).toBeGreaterThan(2))
    await world.publish(consent, granted())
    await vi.waitFor(() => expect(consumers.seen()).toEqual([1]), { timeout: 4000, interval: 50 })
    hostile.unsubscribe()
  })
})
