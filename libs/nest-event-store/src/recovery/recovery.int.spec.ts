import { currentProducer, replayOutbox } from '@careseal/event-store'
import { connectNats, type NatsConnection } from '@careseal/messaging'
import { dataSourceOptions } from '@careseal/service-kit'
import { provisionDatabase, startNats, startPostgres, type RunningNats, type RunningPostgres } from '@careseal/stack'
import { jetstreamManager } from '@nats-io/jetstream'
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Pool } from 'pg'
import { DataSource } from 'typeorm'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LedgerClient } from '../ledger/ledger.client.js'
import { ProducerGuard } from '../index.js'
import { migrate, startTry } from '../testing/app.fixture.js'
import { FakeLedger } from '../testing/fake-ledger.fixture.js'
import { FakeSigner } from '../testing/fake-signer.fixture.js'
import { recoverProducer, type Recovery } from './recover-producer.js'
import { RecoveryLedger } from './recovery-ledger.js'

const ORIGIN = 'test.invalid/ledger'
const TABLES = [
  'stream, event, event_private, tag_counter, outbox, relay_head, outbox_numbered, incarnation, lost_leaf',
  'sealed, seal_cursor, seen, projection_position',
].flatMap((names) => names.split(', '))
const operators = ['operator-1', 'operator-2'].map((name) => {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { name, sign: (message: Uint8Array) => sign(null, message, privateKey) }
})

// Each test starts and stops a Postgres, a broker and the service more than once.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })

let folder: string
let postgres: RunningPostgres
let nats: RunningNats
let ledger: FakeLedger
let signer: FakeSigner
let pool: Pool
let nc: NatsConnection
let dataSource: DataSource
let adminUrl: string
let app: Awaited<ReturnType<typeof startTry>> | undefined
let urls: { url: string }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'careseal-recovery-'))
  writeFileSync(join(folder, 'kms.key'), 'ab'.repeat(32), { mode: 0o600 })
  ;[postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
  const { records } = await provisionDatabase(postgres.url)
  urls = records
  await migrate(records.ownerUrl)
  adminUrl = new URL('/careseal', postgres.url).href
  ledger = new FakeLedger(ORIGIN, 'records')
  await ledger.start()
  signer = await FakeSigner.start(nats.url, 'records')
  pool = new Pool({ connectionString: records.url })
  pool.on('error', () => {})
  nc = await connectNats({ url: nats.url, name: 'records' })
  dataSource = await new DataSource(dataSourceOptions({ url: records.url, service: 'records-recover' })).initialize()
  await start()
})
afterEach(async () => {
  await app?.close()
  await nc.close()
  await pool.end()
  await dataSource.destroy()
  await Promise.all([signer.stop(), ledger.stop()])
  await Promise.all([postgres.stop(), nats.stop()])
  rmSync(folder, { recursive: true })
})

async function start(): Promise<void> {
  const options = { databaseUrl: urls.url, ledgerOrigin: ORIGIN, ledgerUrl: ledger.url, natsUrl: nats.url }
  app = await startTry({ ...options, kmsKeyFile: join(folder, 'kms.key') })
  await eventually(async () => expect(app!.app.get(ProducerGuard).state).toBe('serving'))
}

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 })

async function scalar(sql: string): Promise<number> {
  const { rows } = await pool.query<{ value: string }>(`SELECT (${sql}) AS value`)
  return Number(rows[0]!.value)
}

/** Writes events over HTTP, and has all of them numbered, sealed and published. */
async function write(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const response = await fetch(`http://127.0.0.1:${app!.port}/try`, { method: 'POST' })
    expect(response.status).toBe(201)
  }
  await eventually(async () => expect(await scalar('SELECT count(*) FROM outbox')).toBe(0))
  await ledger.seal(pool)
  await ledger.publish()
}

async function asAdmin(work: (sql: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  await client.query('SET search_path = records; SET session_replication_role = replica')
  await work(client)
  await client.end()
}

async function takeCopy(): Promise<void> {
  await asAdmin(async (sql) => {
    await sql.query('CREATE SCHEMA old')
    for (const table of TABLES) await sql.query(`CREATE TABLE old.${table} AS TABLE records.${table}`)
  })
}

/** Puts the copy back while nothing of the service runs. */
async function restoreCopy(): Promise<void> {
  await app?.close()
  app = undefined
  await asAdmin(async (sql) => {
    await sql.query(`TRUNCATE ${TABLES.join(', ')} CASCADE`)
    for (const table of TABLES) {
      await sql.query(`INSERT INTO ${table} OVERRIDING SYSTEM VALUE SELECT * FROM old.${table}`)
    }
  })
}

const follow = vi.fn<(tx: unknown, recovery: Recovery) => Promise<Record<string, number>>>(async () => ({
  followed: 1,
}))

const recover = () =>
  recoverProducer({
    service: 'records',
    origin: ORIGIN,
    dataSource,
    pool,
    nc,
    client: new LedgerClient({ ledgerUrl: ledger.url }),
    ledger: new RecoveryLedger(ledger.url),
    operators,
    model: { streamOf: ({ id }) => `recovered-${id}`, follow },
    onProgress: () => {},
  })

describe('a producer whose database is an old copy', () => {
  it('gets back from the broker what it lacks, and goes on under its next name', async () => {
    await write(4)
    await takeCopy()
    await write(3)
    await restoreCopy()
    expect(await recover()).toMatchObject({
      incarnation: 'records-2',
      missing: 3,
      fromBroker: 3,
      lost: [],
      counts: { followed: 1 },
    })
    expect(await scalar('SELECT count(*) FROM event')).toBe(7)
    expect(await currentProducer(pool, 'records')).toBe('records-2')
    await start()
    await write(1)
    expect(await scalar(`SELECT last_seq FROM relay_head WHERE producer = 'records-2'`)).toBe(1)
    expect((await replayOutbox(pool, { producer: 'records', from: 1, limit: 100 })).events).toHaveLength(7)
  })

  it('says of what the broker lost too that it is lost, and answers its place in the chain', async () => {
    await write(2)
    await takeCopy()
    await write(3)
    await restoreCopy()
    await (await jetstreamManager(nc)).streams.delete('EVENTS')
    const report = await recover()
    expect(report).toMatchObject({ missing: 3, fromBroker: 0 })
    expect(report.lost.map(({ producer, seq }) => `${producer} ${seq}`)).toEqual([
      'records 3',
      'records 4',
      'records 5',
    ])
    const { events } = await replayOutbox(pool, { producer: 'records', from: 2, limit: 100 })
    expect(events.map(({ seq, body }) => [seq, body === ''])).toEqual([
      [2, false],
      [3, true],
      [4, true],
      [5, true],
    ])
    await start()
    await eventually(async () => {
      expect(await scalar(`SELECT seq FROM projection_position WHERE producer = 'records'`)).toBe(5)
    })
    expect(await scalar('SELECT count(*) FROM seen')).toBe(2)
  })

  it('is recovered again after a crash between admission and writing, under the same name', async () => {
    await write(1)
    await takeCopy()
    await write(2)
    await restoreCopy()
    follow.mockRejectedValueOnce(new Error('crash'))
    await expect(recover()).rejects.toThrow('crash')
    expect(await currentProducer(pool, 'records')).toBe('records')
    expect(await recover()).toMatchObject({ incarnation: 'records-2', fromBroker: 2 })
  })

  it('is not recovered where it lacks nothing', async () => {
    await write(1)
    await expect(recover()).rejects.toMatchObject({ code: 'not-rolled-back' })
  })
})
