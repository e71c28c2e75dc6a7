import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import { Ctx, EventPattern, Payload } from '@nestjs/microservices'
import type { EventBody } from '@careseal/contracts'
import { eventHeaders, publishEvents, type NatsConnection, type OutgoingEvent } from '@careseal/messaging'
import { setTimeout as sleep } from 'node:timers/promises'
import { MsgHdrsImpl } from 'nats'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OnEvent } from './decorators.js'
import { DeadLetter, RetryLater } from './failures.js'
import { JetStreamContext } from './jetstream.context.js'
import { natsHealth } from './nats-health.js'
import { SpecBroker } from './spec-broker.fixture.js'
import { JETSTREAM, NATS } from './transport.js'

type Closed = EventBody<'AccountClosed'>

const broker = new SpecBroker()
let seq = 0
let handle: (event: Closed, context: JetStreamContext) => Promise<void>

@Controller()
class Handlers {
  @OnEvent('AccountClosed')
  async onClosed(event: Closed, context: JetStreamContext): Promise<void> {
    await handle(event, context)
  }
}

const rawSeen: unknown[] = []

@Controller()
class RawHandlers {
  @EventPattern<string>('evt.consent.>', JETSTREAM)
  onAny(@Payload() data: { type: string }, @Ctx() context: JetStreamContext): void {
    rawSeen.push([data.type, context.subject])
  }
}

const base = { subject: 'evt.identity.account.account-closed', producer: 'identity' }

beforeEach(async () => {
  await broker.start()
  seq = 0
  rawSeen.length = 0
})

afterEach(async () => {
  await broker.stop()
})

function closedEvents(count: number): OutgoingEvent[] {
  return Array.from({ length: count }, () => {
    const id = `00000000-0000-4000-8000-${(++seq).toString().padStart(12, '0')}`
    const body = { data: { accountId: id }, id, schemaVersion: 1, time: '2026-01-01T00:00:00Z', type: 'AccountClosed' }
    const hashes = { tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }
    return { ...base, ...hashes, seq, body: new TextEncoder().encode(JSON.stringify(body)) }
  })
}

const send = (body: Uint8Array, headers: Record<string, string[]>) =>
  broker.nc.request(base.subject, body, { headers: MsgHdrsImpl.fromRecord(headers), timeout: 2000 })

const publish = (count: number) => publishEvents(broker.nc, closedEvents(count))

async function deadLetters(consumer = 'audit') {
  const { state } = await broker.manager.streams.info('DLQ')
  const found = []
  for (let at = state.first_seq; at <= state.last_seq && state.messages > 0; at++) {
    found.push(await broker.manager.streams.getMessage('DLQ', { seq: at }))
  }
  return found.filter((message) => message?.subject === `dlq.${consumer}`)
}

// A consumer hears of a message a moment after it is stored: until then nothing is pending either.
const settled = (consumer = 'audit') =>
  vi.waitFor(async () => {
    const { state } = await broker.manager.streams.info('EVENTS')
    const { delivered, num_ack_pending } = await broker.manager.consumers.info('EVENTS', consumer)
    expect([delivered.stream_seq, num_ack_pending]).toEqual([state.last_seq, 0])
  }, 8000)

describe('durable consumers', () => {
  it('hand each event to its handler, in order, and acknowledge it', async () => {
    const seen: string[] = []
    handle = async ({ id }, context) => void seen.push(`${id.at(-1)} ${context.ledgerSeq} ${context.deliveryCount}`)
    await broker.startApp([Handlers])
    await publish(5)
    await settled()
    expect(seen).toEqual(['1 1 1', '2 2 1', '3 3 1', '4 4 1', '5 5 1'])
  })

  it('deliver again after the back-off, and go on with the others meanwhile', async () => {
    const seen: [string, number][] = []
    handle = async ({ id }, { deliveryCount }) => {
      seen.push([id.at(-1) ?? '', deliveryCount])
      if (id.endsWith('1') && deliveryCount < 3) throw new Error('not yet')
    }
    await broker.startApp([Handlers])
    await publish(3)
    await settled()
    expect(seen.filter(([id]) => id === '1').map(([, count]) => count)).toEqual([1, 2, 3])
    expect(seen.findIndex(([id]) => id === '2')).toBeLessThan(seen.findLastIndex(([id]) => id === '1'))
    expect(await deadLetters()).toEqual([])
  })

  it('wait as long as the handler says', async () => {
    const at: number[] = []
    handle = async () => {
      at.push(performance.now())
      if (at.length === 1) throw new RetryLater('busy', 400)
    }
    await broker.startApp([Handlers])
    await publish(1)
    await settled()
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(350)
  })

  it('put aside at once what the handler calls a dead letter, with its headers and the reason', async () => {
    handle = () => Promise.reject(new DeadLetter('unknown-account'))
    await broker.startApp([Handlers])
    await publish(1)
    await settled()
    const [letter] = await deadLetters()
    expect(letter?.header.get('dlq-reason')).toBe('unknown-account')
    expect(letter?.header.get('dlq-subject')).toBe(base.subject)
    expect(letter?.header.get('ce-type')).toBe('AccountClosed')
    expect(letter?.header.get('ledger-seq')).toBe('1')
    expect(letter?.json<Closed>().type).toBe('AccountClosed')
  })

  it('put aside what failed too often', async () => {
    let tries = 0
    handle = async () => {
      tries++
      throw Object.assign(new Error('private words'), { code: 'no-such-row' })
    }
    await broker.startApp([Handlers], { maxDeliveries: 3 })
    await publish(1)
    await settled()
    expect(tries).toBe(3)
    const [letter] = await deadLetters()
    expect(letter?.header.get('dlq-reason')).toBe('max-deliveries: no-such-row')
  })

  it('put aside what is no event, or says another thing in its headers, without asking the handler', async () => {
    handle = vi.fn<() => Promise<void>>()
    await broker.startApp([Handlers])
    const [event] = closedEvents(1)
    const tampered = { ...eventHeaders(event!), 'ce-type': ['AccountOpened'], 'Nats-Msg-Id': ['t'] }
    await send(event!.body, tampered)
    const invalid = new TextEncoder().encode(
      new TextDecoder().decode(event!.body).replace('"schemaVersion":1', '"x":1'),
    )
    await send(invalid, { ...eventHeaders({ ...event!, body: invalid }), 'Nats-Msg-Id': ['i'] })
    await settled()
    const reasons = (await deadLetters()).map((letter) => letter?.header.get('dlq-reason'))
    expect(reasons).toEqual(['headers-differ', 'invalid-event'])
    expect(handle).not.toHaveBeenCalled()
  })

  it('keep a slow message alive beyond the ack wait', async () => {
    let deliveries = 0
    handle = async () => {
      deliveries++
      await sleep(1500)
    }
    await broker.startApp([Handlers], { ackWaitMs: 500 })
    await publish(2)
    await settled()
    expect(deliveries).toBe(2)
  })

  it('handle as many at a time as they are told to', async () => {
    let now = 0
    let most = 0
    handle = async () => {
      most = Math.max(most, ++now)
      await sleep(30)
      now--
    }
    await broker.startApp([Handlers], { concurrency: 4 })
    await publish(20)
    await settled()
    expect(most).toBe(4)
  })

  it('believe the handler that settles the message itself, and count its first word alone', async () => {
    const seen: string[] = []
    handle = async ({ id }, context) => {
      seen.push(`${id.at(-1)}/${context.deliveryCount}`)
      if (id.endsWith('1')) {
        context.ack()
        context.term('too-late')
        throw new Error('after the answer')
      }
      if (id.endsWith('2') && context.deliveryCount === 1) context.nak(50)
      if (id.endsWith('3')) context.term('unknown-account')
    }
    await broker.startApp([Handlers])
    await publish(3)
    await settled()
    expect(seen.toSorted()).toEqual(['1/1', '2/1', '2/2', '3/1'])
    const reasons = (await deadLetters()).map((letter) => letter?.header.get('dlq-reason'))
    expect(reasons).toEqual(['unknown-account'])
  })

  it('put aside what a newer program wrote, under a name of its own', async () => {
    handle = vi.fn<() => Promise<void>>()
    await broker.startApp([Handlers])
    const [event] = closedEvents(1)
    const newer = new TextEncoder().encode(
      new TextDecoder().decode(event!.body).replace('"schemaVersion":1', '"schemaVersion":2'),
    )
    await send(newer, eventHeaders({ ...event!, body: newer }))
    await settled()
    expect((await deadLetters())[0]?.header.get('dlq-reason')).toBe('unknown-event-version')
    expect(handle).not.toHaveBeenCalled()
  })

  it('serve plain event patterns with wildcards, under the consumer name given', async () => {
    await broker.startApp([RawHandlers], { durable: 'audit-raw' })
    const [event] = closedEvents(1)
    const subject = 'evt.consent.consent.consent-noted'
    const body = new TextEncoder().encode('{"id":"1","type":"ConsentNoted","time":"2026-01-01T00:00:00Z"}')
    await publishEvents(broker.nc, [{ ...event!, producer: 'consent', subject, body }])
    await settled('audit-raw')
    expect(rawSeen).toEqual([['ConsentNoted', subject]])
  })

  it('go on after the broker lost everything', async () => {
    const seen: string[] = []
    handle = async ({ id }) => void seen.push(id)
    await broker.startApp([Handlers])
    await publish(2)
    await settled()
    await broker.manager.streams.delete('EVENTS')
    await vi.waitFor(() => publish(1), { timeout: 15_000, interval: 500 })
    await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(3), { timeout: 20_000 })
  }, 45_000)

  it('put aside what stands where another dead letter stood before the stream was made anew', async () => {
    handle = () => Promise.reject(new DeadLetter('unknown-account'))
    await broker.startApp([Handlers])
    await publish(1)
    await settled()
    await broker.manager.streams.delete('EVENTS')
    await vi.waitFor(() => publish(1), { timeout: 15_000, interval: 500 })
    await vi.waitFor(async () => expect(await deadLetters()).toHaveLength(2), { timeout: 20_000, interval: 200 })
    const [first, second] = await deadLetters()
    expect(second?.header.get('dlq-stream-seq')).toBe(first?.header.get('dlq-stream-seq'))
  }, 45_000)

  it('listen to the subjects of an upgraded app', async () => {
    handle = async () => undefined
    const old = await broker.startApp([Handlers])
    await broker.close(old)
    await broker.startApp([Handlers, RawHandlers], { durable: 'audit' })
    await vi.waitFor(async () => {
      const { config } = await broker.manager.consumers.info('EVENTS', 'audit')
      expect(config.filter_subjects).toEqual(['evt.*.account.account-closed', 'evt.consent.>'])
    })
  })
})

describe('closing', () => {
  it('settles what is in flight and loses nothing', async () => {
    const seen: string[] = []
    handle = async ({ id }) => {
      await sleep(20)
      seen.push(id)
    }
    const first = await broker.startApp([Handlers], { concurrency: 3 })
    await publish(60)
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(5))
    await broker.close(first)
    const done = seen.length
    await sleep(100)
    expect(seen.length).toBe(done)
    await broker.startApp([Handlers], { concurrency: 3 })
    await settled()
    expect(seen.length).toBe(60)
    expect(new Set(seen).size).toBe(60)
  })

  it('leaves no connection behind', async () => {
    handle = async () => undefined
    const app = await broker.startApp([Handlers])
    const own = app.get<NatsConnection>(NATS)
    const health = natsHealth(own)
    expect(health()).toEqual({ up: true, detail: 'connected' })
    await broker.close(app)
    expect(own.isClosed()).toBe(true)
    expect(health()).toEqual({ up: false, detail: 'closed' })
  })
})
