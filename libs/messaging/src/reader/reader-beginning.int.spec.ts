import { startNats, type RunningNats } from '@careseal/stack'
import { jetstreamManager } from '@nats-io/jetstream'
import type { Position } from '@careseal/event-envelope'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectNats, type NatsConnection } from '../connection.js'
import { FakeProducer, ORIGIN } from '../fake-producer.fixture.js'
import { publishEvents } from '../publish.js'
import { ensureStreams } from '../streams.js'
import { readEvents, type EventReader } from './event-reader.js'

let nats: RunningNats
let nc: NatsConnection
let dataDir: string
let busy: FakeProducer
let quiet: FakeProducer
let reader: EventReader

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'careseal-reader-'))
  nats = await startNats({ dataDir })
  nc = await connectNats({ url: nats.url, name: 'spec' })
  await ensureStreams(nc, true)
  busy = new FakeProducer('consent')
  quiet = new FakeProducer('identity')
  for (const producer of [busy, quiet]) producer.answerOn(nc)
  await publishEvents(nc, busy.add(30))
})
afterEach(async () => {
  await reader.stop()
  await nc.close()
  await nats.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

function read(producers: Position, since?: Date): EventReader {
  const options = { nc, origin: ORIGIN, producers, deliver: async () => {}, headIntervalMs: 500 }
  reader = readEvents({ ...options, ...(since && { since }) })
  reader.start()
  return reader
}

async function beginnings(): Promise<string[]> {
  const manager = await jetstreamManager(nc)
  const found: string[] = []
  for await (const { config } of manager.consumers.list('EVENTS')) found.push(config.deliver_policy)
  return found
}

const NOTHING = { seq: 0, link: '' }

describe('a reader begins', () => {
  it('at the beginning of the stream where it has read nothing', async () => {
    read({ consent: NOTHING, identity: NOTHING })
    await vi.waitFor(() => expect(reader.position()['consent']).toEqual(busy.head), 5000)
    expect(await beginnings()).toEqual(['all'])
    expect(busy.replays).toBe(0)
  })

  it('shortly ago where it has a position, whatever producer told nothing so far', async () => {
    read({ consent: busy.head, identity: NOTHING })
    await vi.waitFor(async () => expect(await beginnings()).toEqual(['by_start_time']), 5000)
    await publishEvents(nc, quiet.add(5))
    await vi.waitFor(() => expect(reader.position()['identity']).toEqual(quiet.head), 5000)
  })

  it('where it is told to, and has what is older from its producer', async () => {
    read({ consent: NOTHING }, new Date(Date.now() + 60_000))
    await vi.waitFor(() => expect(reader.position()['consent']).toEqual(busy.head), 5000)
    expect(busy.replays).toBeGreaterThan(0)
  })
})
