// A handler that never ends: it holds up neither the events behind it nor the end of the process, and loses none.
import 'reflect-metadata'
import { Controller } from '@nestjs/common'
import { sampleEvent, type CommandReply, type EventBody } from '@careseal/contracts'
import { publishEvents, request } from '@careseal/messaging'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { OnCommand, OnEvent } from './decorators.js'
import { JetStreamContext } from './jetstream.context.js'
import { SpecBroker } from './spec-broker.fixture.js'

const broker = new SpecBroker()
const never = new Promise<never>(() => undefined)
let seen: string[]
let handle: (context: JetStreamContext) => Promise<void> | void

@Controller()
class Handlers {
  @OnEvent('AccountClosed')
  async onClosed(_event: EventBody<'AccountClosed'>, context: JetStreamContext): Promise<void> {
    seen.push(`${context.ledgerSeq}`)
    await handle(context)
  }

  @OnCommand('outbox-head')
  head(): Promise<CommandReply<'outbox-head'>> {
    return never
  }
}

beforeEach(async () => {
  seen = []
  await broker.start()
})

afterEach(async () => {
  await broker.stop()
})

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 })
const settled = () =>
  until(async () => {
    const { num_pending, num_ack_pending } = await broker.manager.consumers.info('EVENTS', 'audit')
    expect([num_pending, num_ack_pending]).toEqual([0, 0])
  })

async function publish(count: number): Promise<void> {
  const hashes = { tag: 'a'.repeat(64), commitment: 'b'.repeat(64), link: 'c'.repeat(64) }
  const place = { subject: 'evt.identity.account.account-closed', producer: 'identity', ...hashes }
  const bodies = Array.from({ length: count }, () => ({ ...sampleEvent('AccountClosed'), id: randomUUID() }))
  const encoded = bodies.map((body) => new TextEncoder().encode(JSON.stringify(body)))
  await publishEvents(
    broker.nc,
    encoded.map((body, at) => ({ ...place, seq: at + 1, body })),
  )
}

/** Never ends at the first attempt at the second event. */
function hangsOnce(signals: AbortSignal[] = []) {
  return ({ ledgerSeq, signal }: JetStreamContext) => {
    if (ledgerSeq !== 2 || signals.length > 0) return undefined
    signals.push(signal)
    return never
  }
}

describe('a handler that never ends', () => {
  it('is told so after its time, and its event comes again while the others go on', async () => {
    const signals: AbortSignal[] = []
    handle = hangsOnce(signals)
    await broker.startApp([Handlers], { handlerTimeoutMs: 100 })
    await publish(3)
    await until(() => expect(seen.toSorted()).toEqual(['1', '2', '2', '3']))
    await settled()
    expect(signals[0]?.aborted).toBe(true)
  })

  it('makes a dead letter of its event when it never ends at any attempt', async () => {
    handle = ({ ledgerSeq }) => (ledgerSeq === 2 ? never : undefined)
    await broker.startApp([Handlers], { handlerTimeoutMs: 50, maxDeliveries: 2 })
    await publish(3)
    await until(() => expect(seen.toSorted()).toEqual(['1', '2', '2', '3']))
    await settled()
    const letter = await broker.manager.streams.getMessage('DLQ', { seq: 1 })
    expect(letter?.header.get('dlq-reason')).toBe('max-deliveries: handler-timeout')
  })

  it('is believed when it had said what becomes of the event', async () => {
    handle = (context) => {
      context.ack()
      return never
    }
    await broker.startApp([Handlers], { handlerTimeoutMs: 50 })
    await publish(2)
    await settled()
    expect(seen).toEqual(['1', '2'])
  })

  it('lets nothing overtake its event where the order is kept', async () => {
    handle = hangsOnce()
    await broker.startApp([Handlers], { handlerTimeoutMs: 100, ordered: true })
    await publish(4)
    await until(() => expect(seen).toEqual(['1', '2', '2', '3', '4']))
    await settled()
  })

  it.each([false, true])(
    'ends with its process, and its event is the next process’s (ordered: %s)',
    async (ordered) => {
      handle = hangsOnce()
      const first = await broker.startApp([Handlers], { handlerTimeoutMs: 300, ordered })
      await publish(3)
      await until(() => expect(seen).toEqual(['1', '2']))
      const closesAt = performance.now()
      await broker.close(first)
      expect(performance.now() - closesAt).toBeLessThan(3000)
      await broker.startApp([Handlers], { ordered })
      const order = () => (ordered ? seen : seen.toSorted())
      await until(() => expect(order()).toEqual(['1', '2', '2', '3']))
      await settled()
    },
  )

  it('keeps no process from its end when it answers a command', async () => {
    const app = await broker.startApp([Handlers], { handlerTimeoutMs: 100 })
    await expect(request(broker.nc, 'audit', 'outbox-head', {}, { deadlineMs: 200 })).rejects.toThrow('outbox-head')
    const closesAt = performance.now()
    await broker.close(app)
    expect(performance.now() - closesAt).toBeLessThan(12_000)
  }, 20_000)
})
