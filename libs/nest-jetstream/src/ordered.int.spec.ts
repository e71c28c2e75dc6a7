// `ordered`: no event is handled before everything that the stream has before it is settled, whatever fails, stops or was
// left behind by a process that kept no order. A kill is in test/consumers/nest-kills.int.spec.ts.
import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import type { EventBody } from '@careseal/contracts'
import { publishEvents, type OutgoingEvent } from '@careseal/messaging'
import { AckPolicy } from '@nats-io/jetstream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OnEvent } from './decorators.js'
import { DurableConsumer } from './durable-consumer.js'
import { RetryLater } from './failures.js'
import { JetStreamContext } from './jetstream.context.js'
import { MessagingModule } from './messaging.module.js'
import { SpecBroker } from './spec-broker.fixture.js'

type Closed = EventBody<'AccountClosed'>

const SUBJECT = 'evt.identity.account.account-closed'
const broker = new SpecBroker()
let seen: number[]
let fail: (seq: number) => void

@Controller()
class Handlers {
  @OnEvent('AccountClosed')
  onClosed(_event: Closed, { ledgerSeq }: JetStreamContext): void {
    seen.push(ledgerSeq)
    fail(ledgerSeq)
  }
}

beforeEach(async () => {
  seen = []
  fail = () => undefined
  await broker.start()
})

afterEach(async () => {
  await broker.stop()
})

function closedEvent(seq: number): OutgoingEvent {
  const id = `00000000-0000-4000-8000-${seq.toString().padStart(12, '0')}`
  const body = { data: { accountId: id }, id, schemaVersion: 1, time: '2026-01-01T00:00:00Z', type: 'AccountClosed' }
  const hashes = { tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }
  return {
    subject: SUBJECT,
    producer: 'identity',
    ...hashes,
    seq,
    body: new TextEncoder().encode(JSON.stringify(body)),
  }
}

const publish = (...seqs: number[]) => publishEvents(broker.nc, seqs.map(closedEvent))
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 })

describe('in order', () => {
  it('what failed is tried again in its place, and then put aside, before the next one comes', async () => {
    fail = (seq) => {
      if (seq === 2) throw Object.assign(new Error('private words'), { code: 'no-such-row' })
    }
    await broker.startApp([Handlers], { ordered: true, maxDeliveries: 3, ackWaitMs: 500 })
    await publish(1, 2, 3)
    await until(() => expect(seen).toEqual([1, 2, 2, 2, 3]))
    const letter = await broker.manager.streams.getMessage('DLQ', { seq: 1 })
    expect(letter?.header.get('dlq-reason')).toBe('max-deliveries: no-such-row')
  })

  it('a stop in the middle of a retry ends the wait at once, and the event still comes before those behind it', async () => {
    fail = (seq) => {
      if (seq === 2) throw new RetryLater('busy', 60_000)
    }
    const first = await broker.startApp([Handlers], { ordered: true })
    await publish(1, 2, 3, 4)
    await until(() => expect(seen).toEqual([1, 2]))
    const stopsAt = performance.now()
    await broker.close(first)
    expect(performance.now() - stopsAt).toBeLessThan(3000)
    fail = () => undefined
    await broker.startApp([Handlers], { ordered: true })
    await until(() => expect(seen).toEqual([1, 2, 2, 3, 4]))
  }, 20_000)

  it.each([1, 2])(
    'what was left behind without an order is sorted before %i processes go on',
    async (processes) => {
      const comesAgainMs = new Map([1500, 700, 100].map((delayMs, place) => [place + 1, delayMs]))
      fail = (seq) => {
        throw new RetryLater('later', comesAgainMs.get(seq) ?? 0)
      }
      const first = await broker.startApp([Handlers])
      await publish(1, 2, 3)
      await until(() => expect(seen.length).toBeGreaterThanOrEqual(3))
      await broker.close(first)
      await publish(4, 5)
      seen = []
      fail = () => undefined
      const settings = { ordered: true, ackWaitMs: 1000 }
      const apps = await Promise.all(Array.from({ length: processes }, () => broker.startApp([Handlers], settings)))
      await until(() => expect(seen).toEqual([1, 2, 3, 4, 5]))
      const manager = broker.manager
      expect((await manager.consumers.info('EVENTS', 'audit')).config.max_ack_pending).toBe(1)
      await Promise.all(apps.map((app) => broker.close(app)))
      await broker.startApp([Handlers])
      await until(async () =>
        expect((await manager.consumers.info('EVENTS', 'audit')).config.max_ack_pending).toBeGreaterThan(1),
      )
    },
    20_000,
  )

  it('two processes on one durable consumer keep one order', async () => {
    for (let process = 0; process < 2; process++) await broker.startApp([Handlers], { ordered: true })
    await publish(...Array.from({ length: 40 }, (_, at) => at + 1))
    await until(() => expect(seen).toEqual(Array.from({ length: 40 }, (_, at) => at + 1)))
  })

  it('nothing is taken from a durable consumer of the platform that lets out several at a time, until it is mended', async () => {
    const anyone = await broker.startApp([])
    const durable = { durable_name: 'audit', ack_policy: AckPolicy.Explicit, max_ack_pending: 100 }
    await broker.manager.consumers.add('EVENTS', durable)
    await publish(1, 2)
    await broker.startApp([Handlers], { ordered: true, manageConsumer: false })
    await sleep(500)
    expect(seen).toEqual([])
    await broker.manager.consumers.update('EVENTS', 'audit', { max_ack_pending: 1 })
    await until(() => expect(seen).toEqual([1, 2]))
    await broker.close(anyone)
  })

  it('a durable consumer that lets out several is told of once, not at each look', async () => {
    await broker.startApp([])
    await broker.manager.consumers.add('EVENTS', { durable_name: 'audit', ack_policy: AckPolicy.Explicit })
    const onTrouble = vi.fn<(error: unknown) => void>()
    const way = { manageConsumer: false, ackWaitMs: 30_000, concurrency: 1, ordered: true, handle: async () => true }
    const consumer = new DurableConsumer({ nc: broker.nc, durable: 'audit', subjects: [SUBJECT], ...way, onTrouble })
    consumer.start()
    await sleep(2500)
    await consumer.close()
    expect(onTrouble.mock.calls).toEqual([[expect.objectContaining({ code: 'consumer-unfit' })]])
  })

  it('is refused to an outside consumer, whose durable consumer lets out many', () => {
    const options = { name: 'billing', url: 'nats://127.0.0.1:4222', server: { ordered: true } }
    expect(() => MessagingModule.forConsumer(options)).toThrow('many messages at a time')
  })
})
