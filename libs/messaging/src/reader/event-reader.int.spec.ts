import { startNats, type RunningNats } from '@careseal/stack'
import { jetstreamManager } from '@nats-io/jetstream'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headersOf } from '../atomic-batch.js'
import { connectNats, type NatsConnection } from '../connection.js'
import { FatalDelivery } from '../errors.js'
import { eventHeaders, type HeaderRecord } from '@careseal/event-envelope'
import type { LedgerEvent, OutgoingEvent, Position } from '@careseal/event-envelope'
import { FakeProducer, ORIGIN } from '../fake-producer.fixture.js'
import { publishEvents } from '../publish.js'
import { ensureStreams } from '../streams.js'
import { readEvents, type EventReader, type ReaderOptions } from './event-reader.js'

let nats: RunningNats
let nc: NatsConnection
let dataDir: string
let consent: FakeProducer
let identity: FakeProducer
let readers: EventReader[] = []

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'careseal-reader-'))
  nats = await startNats({ dataDir })
  nc = await connectNats({ url: nats.url, name: 'spec' })
  await ensureStreams(nc, true)
  consent = new FakeProducer('consent')
  identity = new FakeProducer('identity')
  consent.answerOn(nc)
  identity.answerOn(nc)
  readers = []
})

afterEach(async () => {
  await Promise.all(readers.map((reader) => reader.stop()))
  await nc.close()
  await nats.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const fromTheStart = (): Position => ({ consent: { seq: 0, link: '' }, identity: { seq: 0, link: '' } })

function read(options: Partial<ReaderOptions> = {}) {
  const seen: LedgerEvent[] = []
  const deliver = async (batch: LedgerEvent[]) => void seen.push(...batch)
  const reader = readEvents({ nc, origin: ORIGIN, producers: fromTheStart(), deliver, headIntervalMs: 500, ...options })
  readers.push(reader)
  reader.start()
  return { reader, seen }
}

function seqsOf(events: LedgerEvent[], producer: string): number[] {
  return events.filter((event) => event.producer === producer).map((event) => event.seq)
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

function untilRead(seen: LedgerEvent[], count: number, timeout = 10_000) {
  return vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(count), { timeout, interval: 20 })
}

async function publishAltered(event: OutgoingEvent, change: Partial<OutgoingEvent>, headers: HeaderRecord = {}) {
  const altered = { ...event, ...change }
  const all = { ...eventHeaders(event), ...eventHeaders(altered), ...headers, 'Nats-Msg-Id': [`x:${Math.random()}`] }
  await nc.request(altered.subject, altered.body, { headers: headersOf(all), timeout: 2000 })
}

describe('reading events', () => {
  it('delivers what the stream holds, in order of each producer, without asking for a replay', async () => {
    await publishEvents(nc, consent.add(300))
    await publishEvents(nc, identity.add(200))
    const { reader, seen } = read()
    await untilRead(seen, 500)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(300))
    expect(seqsOf(seen, 'identity')).toEqual(upTo(200))
    expect(seen[0]?.event.schemaVersion).toBe(1)
    await vi.waitFor(() => expect(reader.position()).toEqual({ consent: consent.head, identity: identity.head }))
    expect(consent.replays + identity.replays).toBe(0)
  })

  it('fetches from the producer what was never published', async () => {
    const events = consent.add(50)
    await publishEvents(nc, [...events.slice(0, 20), ...events.slice(30, 45)])
    const { seen } = read()
    await untilRead(seen, 50)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(50))
  })

  it('reads everything when the stream holds nothing at all', async () => {
    consent.add(700)
    const { seen } = read()
    await untilRead(seen, 700, 3000)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(700))
  })

  it('delivers together what comes while the first event lingers', async () => {
    const calls: number[] = []
    const { reader } = read({ lingerMs: 400, deliver: async (batch) => void calls.push(batch.length) })
    await vi.waitFor(() => expect(reader.status().caughtUp).toBe(true), 5000)
    const events = consent.add(3)
    for (const event of events) await publishEvents(nc, [event])
    await vi.waitFor(() => expect(reader.position()['consent']).toEqual(consent.head), 5000)
    expect(calls).toEqual([3])
  })

  it('is not led astray by reordered and repeated messages', async () => {
    const events = consent.add(40)
    for (const event of events.toReversed()) await publishAltered(event, {})
    await publishEvents(nc, events)
    const { seen } = read()
    await untilRead(seen, 40)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(seqsOf(seen, 'consent')).toEqual(upTo(40))
  })

  it.each<[string, Partial<OutgoingEvent>, HeaderRecord]>([
    ['a tag that is not in the chain', { tag: 'f'.repeat(64) }, {}],
    ['a commitment that is not in the chain', { commitment: 'f'.repeat(64) }, {}],
    ['a link that does not fit', { link: 'f'.repeat(64) }, {}],
    ['a header that differs from the body', {}, { 'ce-id': ['00000000-0000-4000-8000-00000000ffff'] }],
    ['a header given twice', {}, { 'ledger-seq': ['3', '3'] }],
    ['a seq that is no number', {}, { 'ledger-seq': ['three'] }],
    ['a huge seq', { seq: 9_000_000 }, {}],
  ])('takes the producer’s own event instead of one with %s', async (_case, change, headers) => {
    const events = consent.add(6)
    await publishEvents(nc, events.slice(0, 2))
    await publishAltered(events[2] as OutgoingEvent, change, headers)
    await publishEvents(nc, events.slice(3))
    const onFrozen = vi.fn<() => void>()
    const { seen } = read({ onFrozen })
    await untilRead(seen, 6)
    expect(seen.map(({ link }) => link)).toEqual(events.map(({ link }) => link))
    expect(onFrozen).not.toHaveBeenCalled()
  })

  it('goes on from a position, and drops what it has read', async () => {
    await publishEvents(nc, consent.add(30))
    const at = consent.events[9] as OutgoingEvent
    const { seen } = read({ producers: { consent: { seq: 10, link: at.link } } })
    await untilRead(seen, 20)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(30).slice(10))
  })

  it('goes on when the broker lost all of its data in mid-run', async () => {
    const { seen } = read()
    await publishEvents(nc, consent.add(20))
    await untilRead(seen, 20)
    await nats.kill()
    rmSync(join(dataDir, 'jetstream'), { recursive: true, force: true })
    consent.add(10)
    nats = await startNats({ dataDir, port: nats.port })
    await untilRead(seen, 30, 15_000)
    await vi.waitFor(() => publishEvents(nc, consent.add(1)), { timeout: 10_000, interval: 200 })
    await untilRead(seen, consent.events.length, 15_000)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(consent.events.length))
  }, 60_000)

  it('makes its consumer again when somebody deleted it', async () => {
    const { seen } = read({ headIntervalMs: 60_000 })
    await publishEvents(nc, consent.add(5))
    await untilRead(seen, 5)
    const manager = await jetstreamManager(nc)
    for await (const consumer of manager.consumers.list('EVENTS'))
      await manager.consumers.delete('EVENTS', consumer.name)
    await publishEvents(nc, consent.add(5))
    await untilRead(seen, 10, 15_000)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(10))
  })

  it('delays only the producer that is silent', async () => {
    await consent.fallSilent()
    const events = consent.add(10)
    await publishEvents(nc, [...events.slice(0, 4), ...events.slice(6)])
    await publishEvents(nc, identity.add(10))
    const onTrouble = vi.fn<() => void>()
    const { reader, seen } = read({ onTrouble })
    await untilRead(seen, 14)
    expect(seqsOf(seen, 'identity')).toEqual(upTo(10))
    expect(seqsOf(seen, 'consent')).toEqual(upTo(4))
    await vi.waitFor(() => expect(reader.status().producers['consent']?.silent).toBe(true), { timeout: 3000 })
    consent.answerOn(nc)
    await untilRead(seen, 20)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(10))
  })

  it('delivers the same events again when deliver throws, and moves no position', async () => {
    await publishEvents(nc, consent.add(10))
    const tries: number[][] = []
    const deliver = async (batch: LedgerEvent[]) => {
      tries.push(batch.map(({ seq }) => seq))
      if (tries.length < 3) throw new Error('database away')
    }
    const { reader } = read({ deliver, producers: { consent: { seq: 0, link: '' } } })
    await vi.waitFor(() => expect(reader.position()['consent']?.seq).toBe(10), { timeout: 5000 })
    expect(tries[0]?.[0]).toBe(1)
    expect(tries[1]?.[0]).toBe(1)
    expect(tries.slice(2).flat()).toEqual(upTo(10))
  })

  it('ends with the fatal error of deliver', async () => {
    await publishEvents(nc, consent.add(1))
    const { reader } = read({ deliver: () => Promise.reject(new FatalDelivery('commit unknown')) })
    await expect(reader.finished).rejects.toThrow('commit unknown')
    expect(reader.status().running).toBe(false)
  })

  it('freezes a producer that contradicts itself, and reads the others', async () => {
    await publishEvents(nc, consent.add(5))
    const onFrozen = vi.fn<(producer: string) => void>()
    const { seen } = read({ onFrozen })
    await untilRead(seen, 5)
    consent.events.splice(0)
    consent.add(8, 1)
    await publishEvents(nc, identity.add(3))
    await vi.waitFor(() => expect(onFrozen).toHaveBeenCalledWith('consent', expect.any(String)), { timeout: 5000 })
    await untilRead(seen, 8)
    expect(seqsOf(seen, 'identity')).toEqual(upTo(3))
    expect(seqsOf(seen, 'consent')).toEqual(upTo(5))
    expect(onFrozen).toHaveBeenCalledTimes(1)
  })

  it('goes on from the position that it is reset to, also after it froze', async () => {
    await publishEvents(nc, consent.add(5))
    const onFrozen = vi.fn<() => void>()
    const { reader, seen } = read({ onFrozen })
    await untilRead(seen, 5)
    consent.events.splice(0)
    consent.add(8, 1)
    await vi.waitFor(() => expect(onFrozen).toHaveBeenCalledTimes(1), { timeout: 5000 })
    reader.reset({ ...reader.position(), consent: consent.head })
    consent.add(4, 1)
    await vi.waitFor(() => expect(reader.position()['consent']).toEqual(consent.head), { timeout: 5000 })
    expect(seqsOf(seen, 'consent').slice(5)).toEqual([9, 10, 11, 12])
    expect(onFrozen).toHaveBeenCalledTimes(1)
  })

  it('freezes a producer that was rolled back behind what was read', async () => {
    await publishEvents(nc, consent.add(5))
    const onFrozen = vi.fn<(producer: string) => void>()
    const { seen } = read({ onFrozen })
    await untilRead(seen, 5)
    consent.events.splice(3)
    await vi.waitFor(() => expect(onFrozen).toHaveBeenCalledWith('consent', expect.any(String)), { timeout: 5000 })
  })

  it('finds out a forged message that continues the chain', async () => {
    const forger = new FakeProducer('consent')
    await publishEvents(nc, consent.add(2))
    forger.add(2)
    const forged = forger.add(1, 99)
    const onFrozen = vi.fn<(producer: string) => void>()
    const { seen } = read({ onFrozen })
    await untilRead(seen, 2)
    await publishEvents(nc, forged)
    await untilRead(seen, 3)
    await publishAltered(consent.add(1)[0] as OutgoingEvent, {})
    await publishEvents(nc, consent.add(1))
    await vi.waitFor(() => expect(onFrozen).toHaveBeenCalledWith('consent', expect.any(String)), { timeout: 5000 })
  })

  it('holds a bounded number of bytes while deliver is slow, and loses nothing', async () => {
    const total = 3000
    await publishEvents(nc, consent.add(total))
    let most = 0
    const seen: LedgerEvent[] = []
    const deliver = async (batch: LedgerEvent[]) => {
      await new Promise((resolve) => setTimeout(resolve, 2))
      most = Math.max(most, reader.status().producers['consent']?.bufferedEvents ?? 0)
      seen.push(...batch)
    }
    const options = { deliver, maxBatch: 20, maxBufferedBytes: 200_000, producers: { consent: { seq: 0, link: '' } } }
    const { reader } = read(options)
    await untilRead(seen, total, 25_000)
    expect(seqsOf(seen, 'consent')).toEqual(upTo(total))
    expect(most).toBeLessThan(400)
  })

  it('stops after the delivery in flight', async () => {
    await publishEvents(nc, consent.add(3))
    const release = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const deliver = () => {
      begun.resolve()
      return release.promise
    }
    const { reader } = read({ deliver, producers: { consent: { seq: 0, link: '' } } })
    await begun.promise
    const stopped = reader.stop()
    release.resolve()
    await stopped
    expect(reader.position()['consent']?.seq).toBeGreaterThan(0)
    expect(reader.status().running).toBe(false)
  })
})
