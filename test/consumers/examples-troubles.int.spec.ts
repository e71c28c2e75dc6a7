// The examples where something is wrong: a database that is away, a producer that began anew, events that nobody can read.
import { sampleEvent, type EventType } from '@careseal/contracts'
import { startPostgres, type RunningPostgres } from '@careseal/stack'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConsentEvents } from '../../apps/examples/src/read-model/consent-events.js'
import { ENTITIES } from '../../apps/examples/src/read-model/read-model.entities.js'
import { StandingConsents } from '../../apps/examples/src/read-model/standing-consents.controller.js'
import { positionOf, project } from '../../apps/examples/src/read-model/standing-consents.projection.js'
import { ConsumingWorld, TestProducer } from './consuming-world.js'
import { ExampleProcess } from './example-process.js'

const TYPES: EventType[] = ['ConsentGranted', 'ConsentRevoked']
const CONSENT = '3f1c9a52-6b0e-4d87-9a41-c0ffee000001'
const world = new ConsumingWorld(['reader', 'replayer'].map((name) => ({ name, types: TYPES })))
const consent = new TestProducer('consent')
let postgres: RunningPostgres
let database: DataSource
let ledger: Server

beforeAll(async () => {
  await world.start()
  world.answer(consent)
  postgres = await startPostgres({ durable: false })
  // What the ledger knows of its producers.
  ledger = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ producers: producers() }))
  }).listen(0, '127.0.0.1')
  await once(ledger, 'listening')
}, 120_000)

afterAll(async () => {
  await database?.destroy()
  ledger?.close()
  await postgres?.stop()
  await world.stop()
})

beforeEach(async () => {
  await database?.destroy()
  await administer('DROP DATABASE IF EXISTS reader WITH (FORCE)')
  await administer('CREATE DATABASE reader')
  const url = Object.assign(new URL(postgres.url), { pathname: '/reader' }).href
  database = await new DataSource({ type: 'postgres', url, entities: ENTITIES, synchronize: true }).initialize()
}, 60_000)

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 50 })
const producers = () => [
  { producer: 'consent', latest: 'consent', lastSeq: consent.head.seq, lastLink: consent.head.link },
]

async function administer(sql: string): Promise<void> {
  const client = new Client({ connectionString: postgres.url })
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

// With one consent for all, so that each event is about the same.
const ofConsent = (body: Record<string, unknown>) => ({
  ...body,
  data: { ...(body['data'] as object), consentId: CONSENT },
})
const granted = { ...sampleEvent('ConsentGranted') }
const revoked = { ...sampleEvent('ConsentRevoked') }
const { patientId } = granted.data
Object.assign(revoked, { data: { ...revoked.data, patientId, consentId: granted.data.consentId } })

const unreadable = ({ data: _data, ...body }: Record<string, unknown>) => body

async function standing(): Promise<number> {
  return (await new StandingConsents(database).ofPatient(patientId)).length
}

function at(seq: number, producer = 'consent') {
  return { producer, seq, link: String(seq).repeat(64) }
}

describe('the projection of the read model', () => {
  it('applies an event once, and none that lies before the position, whoever brings it again', async () => {
    await Promise.all([1, 2].map(() => project(database, granted, at(2))))
    expect(await standing()).toBe(1)
    await project(database, revoked, at(5))
    await project(database, granted, at(2))
    expect(await standing()).toBe(0)
    expect(await positionOf(database)).toEqual({ consent: { seq: 5, link: '5'.repeat(64) } })
  })

  it('does not bring a consent back that a newer incarnation revoked, when the older one is read after it', async () => {
    await project(database, revoked, at(1, 'consent-2'))
    await project(database, granted, at(7))
    expect(await standing()).toBe(0)
    await project(database, granted, at(2, 'consent-2'))
    await project(database, revoked, at(8))
    expect(await standing()).toBe(1)
  })
})

describe('the read model', () => {
  it('misses nothing of what came while its database was away, however long that took', async () => {
    const options = { nats: world.broker('reader'), name: 'reader', heads: async () => ({}), backoffMs: [100] }
    const reading = new ConsentEvents(database, options)
    await reading.onModuleInit()
    await administer('ALTER DATABASE reader ALLOW_CONNECTIONS false')
    await administer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'reader'`)
    await world.publish(consent, consent.add(['ConsentGranted'], ofConsent))
    await sleep(1500)
    await administer('ALTER DATABASE reader ALLOW_CONNECTIONS true')
    await world.publish(consent, consent.add(['ConsentGranted']))
    await until(async () => expect((await positionOf(database))['consent']?.seq).toBe(consent.head.seq))
    const { rows } = (await database.query('SELECT count(*)::int AS rows FROM standing_consent')).at(0) as {
      rows: number
    }
    expect(rows).toBe(2)
    expect(await world.deadLetters('reader')).toEqual([])
    await reading.onModuleDestroy()
  }, 60_000)
})

describe('a replay', () => {
  it('says which events are missing in what it wrote, and ends with 1', async () => {
    const [event] = consent.add(['ConsentGranted'], unreadable)
    await world.publish(consent, event ? [event] : [])
    const { url, seedFile } = world.broker('replayer')
    const origin = `http://127.0.0.1:${(ledger.address() as AddressInfo).port}`
    const env = { NATS_URL: url, NATS_SEED_FILE: seedFile, CONSUMER: 'replayer', LEDGER_URL: origin }
    await using replay = new ExampleProcess('replay', { env })
    const { code, stdout, stderr } = await replay.end()
    expect(stdout.trim().split('\n')).toHaveLength(consent.head.seq - 1)
    expect(stderr).toContain(`put aside: consent ${event?.seq} Error: invalid-event\n`)
    expect(stderr).toContain('1 event is missing above')
    expect(code).toBe(1)
  }, 60_000)
})
