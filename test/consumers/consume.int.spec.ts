// `consume` of @careseal/client against a real broker with the rights of a deployment.
import {
  consume,
  NotGranted,
  positionFile,
  ProducerContradicts,
  Stopped,
  type Consumer,
  type Trouble,
} from '@careseal/client'
import { eventHeaders } from '@careseal/event-envelope'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { MsgHdrsImpl } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsumingWorld, ORIGIN, TestProducer } from './consuming-world.js'

const world = { current: null as ConsumingWorld | null }
const here = () => world.current as ConsumingWorld
let consent: TestProducer
let identity: TestProducer
let running: Consumer[] = []
let troubles: Trouble[] = []

beforeEach(async () => {
  world.current = new ConsumingWorld([
    { name: 'billing', types: ['ConsentGranted', 'ConsentRevoked', 'AccountClosed'] },
    { name: 'research', types: ['ConsentRevoked'] },
  ])
  await here().start()
  consent = new TestProducer('consent')
  identity = new TestProducer('identity')
  here().answer(consent, identity)
  running = []
  troubles = []
})

afterEach(async () => {
  await Promise.all(running.map((consumer) => consumer.stop()))
  await here().stop()
})

type Options = Partial<Parameters<typeof consume<'ConsentGranted' | 'ConsentRevoked' | 'AccountClosed'>>[0]>

async function billing(seen: string[], options: Options = {}): Promise<Consumer> {
  const consumer = await consume({
    nats: here().broker('billing'),
    durable: 'billing',
    types: ['ConsentGranted', 'ConsentRevoked'],
    from: 'beginning',
    origin: ORIGIN,
    backoffMs: [20, 40],
    checkIntervalMs: 400,
    onEvent: (event, { producer, seq }) => void seen.push(`${producer}:${seq} ${event.type}`),
    onTrouble: (trouble) => void troubles.push(trouble),
    ...options,
  })
  running.push(consumer)
  return consumer
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 })
const granted = (seqs: number[]) => seqs.map((seq) => `consent:${seq} ConsentGranted`)

describe('consume', () => {
  it('hands on each event of the types asked for, in order, and acknowledges it', async () => {
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentRevoked', 'ConsentGranted']))
    await here().publish(identity, identity.add(['AccountClosed']))
    const seen: string[] = []
    await billing(seen)
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    expect(seen).toEqual(['consent:1 ConsentGranted', 'consent:2 ConsentRevoked', 'consent:3 ConsentGranted'])
  })

  it('goes past what was not granted, and tells it from a gap', async () => {
    const seen: string[] = []
    const consumer = await consume({
      nats: here().broker('research'),
      durable: 'research',
      types: ['ConsentRevoked'],
      from: 'beginning',
      origin: ORIGIN,
      onEvent: ({ type }, { seq }) => void seen.push(`${seq} ${type}`),
      onTrouble: (trouble) => void troubles.push(trouble),
    })
    running.push(consumer)
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentRead', 'ConsentRevoked', 'ConsentGranted']))
    await until(() => expect(consumer.status().position['consent']).toEqual(consent.head))
    expect(seen).toEqual(['3 ConsentRevoked'])
    expect(troubles).toEqual([])
  })

  it('fetches what the stream never had, once and in its place', async () => {
    const seen: string[] = []
    const consumer = await billing(seen)
    const events = consent.add(['ConsentGranted', 'ConsentGranted', 'ConsentGranted', 'ConsentGranted'])
    await here().publish(consent, [events[0]!, events[2]!])
    await until(() => expect(consumer.status().position['consent']).toEqual(consent.head))
    expect(seen).toEqual(granted([1, 2, 3, 4]))
  })

  it('believes its producer and not the broker about an event that was altered', async () => {
    const seen: string[] = []
    const consumer = await billing(seen)
    const [first, second] = consent.add(['ConsentGranted', 'ConsentGranted'])
    const forged = { ...eventHeaders(first!), 'ledger-tag': ['f'.repeat(64)] }
    await here()
      .as('consent')
      .request(first!.subject, first!.body, { headers: MsgHdrsImpl.fromRecord(forged), timeout: 5000 })
    await here().publish(consent, [second!])
    await until(() => expect(consumer.status().position['consent']).toEqual(consent.head))
    expect(seen).toEqual(granted([1, 2]))
  })

  it('goes past headers that its client library refuses, and has the event from its producer', async () => {
    const seen: string[] = []
    const consumer = await billing(seen)
    const [first, second] = consent.add(['ConsentGranted', 'ConsentGranted'])
    const nameless = MsgHdrsImpl.fromRecord({ 'no name': ['x'] })
    await here().as('consent').request(first!.subject, first!.body, { headers: nameless, timeout: 5000 })
    await here().publish(consent, [second!])
    await until(() => expect(consumer.status().position['consent']).toEqual(consent.head))
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    expect(seen).toEqual(granted([1, 2]))
  })

  it('drops an event that its producer does not know', async () => {
    const seen: string[] = []
    await billing(seen)
    const [, forged] = new TestProducer('consent').add(['ConsentGranted', 'ConsentGranted'])
    await here().publish(consent, [forged!])
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    await sleep(300)
    expect(seen).toEqual([])
  })

  it('stops at a producer that contradicts itself, and goes on with the others', async () => {
    const seen: string[] = []
    const consumer = await billing(seen, { types: ['ConsentGranted', 'AccountClosed'] })
    await here().publish(consent, consent.add(['ConsentGranted']))
    await until(() => expect(seen).toEqual(granted([1])))
    const [next] = consent.add(['ConsentGranted'])
    consent.events[1] = { ...next!, tag: 'e'.repeat(64) }
    await here().publish(consent, [consent.events[1]!])
    await until(() => expect(consumer.status().contradictions).toHaveProperty('consent'))
    await here().publish(identity, identity.add(['AccountClosed']))
    await until(() => expect(seen).toEqual([...granted([1]), 'identity:1 AccountClosed']))
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
  })

  it('reads a new incarnation of a producer from its beginning', async () => {
    const seen: string[] = []
    await billing(seen)
    const second = new TestProducer('consent-2')
    here().answer(second)
    await here().publish(second, second.add(['ConsentGranted']))
    await until(() => expect(seen).toEqual(['consent-2:1 ConsentGranted']))
  })

  it('refuses types that were not granted, and a name that nobody registered', async () => {
    const types = ['RecordRead', 'ConsentGranted'] as never
    await expect(billing([], { types })).rejects.toThrow(NotGranted)
    await expect(billing([], { types })).rejects.toThrow('RecordRead')
    await expect(billing([], { durable: 'nobody' })).rejects.toThrow(/permissions|timeout|not found/i)
  })
})

describe('a position', () => {
  it('goes on where the last run ended, without the broker and what it lost', async () => {
    const positions = positionFile(join(here().folder, 'position.json'))
    const seen: string[] = []
    const first = await billing(seen, { positions })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(() => expect(seen).toEqual(granted([1, 2])))
    await first.stop()
    await here().wipe()
    // Never published to the new broker at all.
    consent.add(['ConsentGranted'])
    await until(() => here().makeConsumers())
    const second = await billing(seen, { positions })
    await until(() => expect(second.status().position['consent']).toEqual(consent.head))
    expect(seen).toEqual(granted([1, 2, 3]))
  })

  it('is not needed where the broker remembers what was acknowledged', async () => {
    const seen: string[] = []
    const first = await billing(seen, { from: 'stored' })
    await here().publish(consent, consent.add(['ConsentGranted', 'ConsentGranted']))
    await until(async () => expect(await here().outstanding('billing')).toEqual([0, 0]))
    await first.stop()
    await here().publish(consent, consent.add(['ConsentGranted']))
    await billing(seen, { from: 'stored' })
    await until(() => expect(seen).toEqual(granted([1, 2, 3])))
  })
})

describe('how far the ledger has come', () => {
  it('is waited for, also where the broker has nothing of it', async () => {
    consent.add(['ConsentGranted', 'ConsentRevoked', 'ConsentRead'])
    const second = new TestProducer('consent-2')
    second.add(['ConsentGranted'])
    here().answer(second)
    const seen: string[] = []
    const consumer = await billing(seen)
    await consumer.reached({ consent: 3, 'consent-2': 1 })
    expect(seen.toSorted()).toEqual([
      'consent-2:1 ConsentGranted',
      'consent:1 ConsentGranted',
      'consent:2 ConsentRevoked',
    ])
  })

  it('is not waited for in vain: not by a consumer that stops, nor with a producer that contradicts itself', async () => {
    const seen: string[] = []
    const consumer = await billing(seen)
    await here().publish(consent, consent.add(['ConsentGranted']))
    await consumer.reached({ consent: 1 })
    const [next] = consent.add(['ConsentGranted'])
    consent.events[1] = { ...next!, tag: 'e'.repeat(64) }
    await expect(consumer.reached({ consent: 2 })).rejects.toThrow(ProducerContradicts)
    const waiting = consumer.reached({ identity: 9 })
    await Promise.all([expect(waiting).rejects.toThrow(Stopped), consumer.stop()])
  })
})

describe('the whole of a ledger after its broker was wiped', () => {
  it('comes while the consumer runs on', async () => {
    const seen: string[] = []
    const consumer = await billing(seen)
    await here().publish(consent, consent.add(['ConsentGranted']))
    await until(() => expect(seen).toEqual(granted([1])))
    await here().wipe()
    consent.add(['ConsentGranted', 'ConsentGranted'])
    await until(() => expect(consumer.status().position['consent']).toEqual(consent.head))
    await until(() => here().makeConsumers())
    await until(() => here().publish(consent, consent.add(['ConsentGranted'])))
    await until(() => expect(seen).toEqual(granted([1, 2, 3, 4])))
  })
})

describe('a service that does not answer', () => {
  it('delays its own events, and nothing is lost', async () => {
    await here().fallSilent()
    const seen: string[] = []
    await billing(seen, { types: ['ConsentGranted', 'AccountClosed'] })
    const [, second] = consent.add(['ConsentGranted', 'ConsentGranted'])
    await here().publish(consent, [second!])
    await here().publish(identity, identity.add(['AccountClosed']))
    await until(() => expect(seen).toEqual(['identity:1 AccountClosed']))
    await until(() => expect(troubles.some(({ kind }) => kind === 'producer')).toBe(true))
    here().answer(consent, identity)
    await until(() => expect(seen).toEqual(['identity:1 AccountClosed', ...granted([1, 2])]))
  })
})
