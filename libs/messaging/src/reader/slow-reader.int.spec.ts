import { firstLinkOf, type LedgerEvent } from '@careseal/event-envelope'
import { startNats, type RunningNats } from '@careseal/stack'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { connectNats, type NatsConnection } from '../connection.js'
import { FakeProducer, ORIGIN } from '../fake-producer.fixture.js'
import { publishEvents } from '../publish.js'
import { ensureStreams } from '../streams.js'
import { readEvents } from './event-reader.js'

let nats: RunningNats
let nc: NatsConnection
let dataDir: string

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'careseal-slow-reader-'))
  nats = await startNats({ dataDir })
  nc = await connectNats({ url: nats.url, name: 'spec' })
  await ensureStreams(nc, true)
})

afterAll(async () => {
  await nc.close()
  await nats.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

// More than the broker sends unasked, and more than a reader holds.
const COUNT = 80_000
const SLOW_BATCHES = 60

it('a reader that is slower than the stream holds it back, and asks no producer for what is in it', async () => {
  const producers = (['records', 'consent', 'identity'] as const).map((name) => new FakeProducer(name))
  for (const producer of producers) producer.answerOn(nc)
  const [records] = producers as [FakeProducer, ...FakeProducer[]]
  await publishEvents(nc, records.add(COUNT))
  let most = 0
  let batches = 0
  const start = producers.map(({ name }) => [name, { seq: 0, link: firstLinkOf(ORIGIN, name) }])
  const deliver = async (_batch: LedgerEvent[]) => {
    most = Math.max(most, reader.status().producers['records']!.bufferedEvents)
    if (++batches <= SLOW_BATCHES) await delay(50)
  }
  const reader = readEvents({ nc, origin: ORIGIN, producers: Object.fromEntries(start), deliver })
  reader.start()
  await vi.waitFor(() => expect(reader.position()['records']).toEqual(records.head), { timeout: 60_000, interval: 50 })
  await reader.stop()
  expect(records.replays).toBe(0)
  expect(most).toBeLessThan(COUNT * 0.75)
}, 90_000)
