import { startNats, type RunningNats } from '@careseal/stack'
import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectNats, type NatsConnection } from './connection.js'
import { PublishFailed, StreamUnfit, Unreachable } from './errors.js'
import { FakeProducer } from './fake-producer.fixture.js'
import { publishEvents } from './publish.js'
import { ensureStreams, EVENTS_STREAM } from './streams.js'

let nats: RunningNats
let nc: NatsConnection

beforeAll(async () => {
  nats = await startNats()
})

afterAll(async () => {
  await nats.stop()
})

beforeEach(async () => {
  nc = await connectNats({ url: nats.url, name: 'spec' })
  await ensureStreams(nc, true)
})

afterEach(async () => {
  const manager = await jetstreamManager(nc)
  for (const name of ['EVENTS', 'DLQ']) await manager.streams.delete(name).catch(() => undefined)
  await nc.close()
})

async function storedIds(): Promise<string[]> {
  const manager = await jetstreamManager(nc)
  const { state } = await manager.streams.info('EVENTS')
  const ids: string[] = []
  for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
    const message = await manager.streams.getMessage('EVENTS', { seq })
    ids.push(message?.header.get('Nats-Msg-Id') ?? '')
  }
  return ids
}

const idsUpTo = (count: number) => Array.from({ length: count }, (_, index) => `consent:${index + 1}`)

describe('publishing events', () => {
  it('stores them in order, as CloudEvents', async () => {
    const consent = new FakeProducer('consent')
    const [event] = consent.add(1)
    await publishEvents(nc, [{ ...event!, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }])
    const manager = await jetstreamManager(nc)
    const stored = await manager.streams.getMessage('EVENTS', { seq: 1 })
    const headers = stored?.header
    expect(stored?.subject).toBe('evt.consent.consent.consent-read')
    expect(headers?.get('ce-specversion')).toBe('1.0')
    expect(headers?.get('ce-type')).toBe('ConsentRead')
    expect(headers?.get('ce-source')).toBe('/producers/consent')
    expect(headers?.get('ce-time')).toBe('2026-01-01T00:00:00Z')
    expect(headers?.get('ledger-link')).toBe(event?.link)
    expect(headers?.get('traceparent')).toBe(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)
    expect(stored?.data).toEqual(event?.body)
  })

  it('cuts what is more than a batch, and keeps the order', async () => {
    const consent = new FakeProducer('consent')
    await publishEvents(nc, consent.add(25), { batchMessages: 7, batchBytes: 4000 })
    expect(await storedIds()).toEqual(idsUpTo(25))
  })

  it('publishes one by one what holds a duplicate, and stores nothing twice', async () => {
    const consent = new FakeProducer('consent')
    const events = consent.add(10)
    const requests = vi.spyOn(nc, 'request')
    await publishEvents(nc, events.slice(0, 4))
    expect(requests).toHaveBeenCalledTimes(1)
    await publishEvents(nc, events)
    expect(requests).toHaveBeenCalledTimes(1 + 1 + 10)
    expect(await storedIds()).toEqual(idsUpTo(10))
  })

  it('takes thousands at once', async () => {
    const consent = new FakeProducer('consent')
    await publishEvents(nc, consent.add(2500))
    const manager = await jetstreamManager(nc)
    expect((await manager.streams.info('EVENTS')).state.messages).toBe(2500)
  })

  it('makes the streams again when the broker lost them, so that the next attempt succeeds', async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.delete('EVENTS')
    const events = new FakeProducer('consent').add(3)
    await expect(publishEvents(nc, events)).rejects.toBeInstanceOf(PublishFailed)
    await publishEvents(nc, events)
    expect(await storedIds()).toEqual(idsUpTo(3))
  })

  it('refuses a subject of another producer before anything is sent', async () => {
    const [event] = new FakeProducer('consent').add(1)
    const stolen = { ...event!, subject: 'evt.records.record.record-read' }
    await expect(publishEvents(nc, [stolen])).rejects.toThrow('subject and producer differ')
  })

  it('refuses a body that no message can hold', async () => {
    const [event] = new FakeProducer('consent').add(1)
    const huge = { ...event!, body: new Uint8Array(2 * 1024 * 1024) }
    await expect(publishEvents(nc, [huge])).rejects.toThrow('larger than a message')
  })

  it('fails when the broker does not confirm in time', async () => {
    const [event] = new FakeProducer('consent').add(1)
    process.kill(nats.pid, 'SIGSTOP')
    try {
      await expect(publishEvents(nc, [event!], { timeoutMs: 300 })).rejects.toBeInstanceOf(PublishFailed)
    } finally {
      process.kill(nats.pid, 'SIGCONT')
    }
    await vi.waitFor(() => nc.flush())
  })
})

describe('streams', () => {
  it('are as exactly-once.md section 7 wants them', async () => {
    const { config } = await (await jetstreamManager(nc)).streams.info('EVENTS')
    expect(config).toMatchObject({
      subjects: ['evt.>'],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.New,
      max_age: 14 * 24 * 3600 * 1e9,
      deny_delete: true,
      deny_purge: true,
      allow_atomic: true,
    })
  })

  it('are made twice without harm', async () => {
    await expect(ensureStreams(nc, true)).resolves.toBeUndefined()
  })

  it('say exactly what differs, and are left alone', async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.delete('EVENTS')
    await manager.streams.add({ ...EVENTS_STREAM, max_age: 1e9, duplicate_window: 1e9, allow_atomic: false })
    const failure = await ensureStreams(nc, true).catch((error: unknown) => error as StreamUnfit)
    expect(failure).toBeInstanceOf(StreamUnfit)
    expect((failure as StreamUnfit).differences.map((text) => text.split(' ')[0])).toEqual([
      'max_age',
      'allow_atomic',
      'duplicate_window',
    ])
  })

  it('are not made by a service that must not', async () => {
    const manager = await jetstreamManager(nc)
    await manager.streams.delete('EVENTS')
    await expect(ensureStreams(nc, false)).rejects.toThrow('must not create it')
  })
})

describe('connecting', () => {
  it('fails at once when there is no broker', async () => {
    await expect(connectNats({ url: 'nats://127.0.0.1:1', name: 'spec' })).rejects.toBeInstanceOf(Unreachable)
  })

  it('uses an inbox of its own', async () => {
    const inboxes = Promise.withResolvers<string>()
    nc.subscribe('spec.echo', {
      callback: (_, message) => (inboxes.resolve(message.reply ?? ''), void message.respond()),
    })
    await nc.request('spec.echo')
    expect(await inboxes.promise).toMatch(/^_INBOX\.spec\./)
  })
})
