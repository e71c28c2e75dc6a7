import type { Tombstone } from '@careseal/contracts'
import { EventStore } from '@careseal/event-store'
import { connectNats, request, type NatsConnection } from '@careseal/messaging'
import type { Application } from '@careseal/service-kit'
import { provisionDatabase, startNats, startPostgres, type RunningNats, type RunningPostgres } from '@careseal/stack'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { deploymentIdOf, EventTransactions } from './index.js'
import { migrate, searchPerformed, startTry } from './testing/app.fixture.js'
import { FakeLedger } from './testing/fake-ledger.fixture.js'
import { FakeSigner } from './testing/fake-signer.fixture.js'

const ORIGIN = 'test.invalid/ledger'
const folder = mkdtempSync(join(tmpdir(), 'careseal-tombstones-'))
let postgres: RunningPostgres
let nats: RunningNats
let ledger: FakeLedger
let signer: FakeSigner
let application: Application
let admin: Client
let deployer: NatsConnection

beforeAll(async () => {
  ;[postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
  const { records } = await provisionDatabase(postgres.url)
  await migrate(records.ownerUrl)
  ledger = new FakeLedger(ORIGIN, 'records')
  await ledger.start()
  signer = await FakeSigner.start(nats.url, 'records')
  await signer.goAway()
  const kmsKeyFile = join(folder, 'kms.key')
  writeFileSync(kmsKeyFile, 'ab'.repeat(32), { mode: 0o600 })
  const options = { kmsKeyFile, ledgerOrigin: ORIGIN, ledgerUrl: ledger.url, natsUrl: nats.url }
  application = await startTry({ databaseUrl: records.url, ...options })
  admin = new Client(new URL('/careseal', postgres.url).href)
  await admin.connect()
  await admin.query('SET search_path = records, records_keys')
  deployer = await connectNats({ url: nats.url, name: 'deployer' })
})
afterAll(async () => {
  await application.close()
  await Promise.all([deployer.close(), signer.stop(), ledger.stop(), admin.end()])
  await Promise.all([postgres.stop(), nats.stop()])
  rmSync(folder, { recursive: true })
})

const url = (path: string) => `http://127.0.0.1:${application.port}${path}`
const readiness = async () => (await (await fetch(url('/readyz'))).json()) as { checks: Record<string, string> }
const waitUntil = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 25_000, interval: 50 })
// A write, for it needs the database: what was verified of another one does not count.
const serves = () => waitUntil(async () => expect((await fetch(url('/try'), { method: 'POST' })).status).toBe(201))
const destroy = (...subjectIds: string[]) =>
  request(deployer, 'records', 'destroy-subject-keys', { subjectIds }, { deadlineMs: 10_000 })

/** An event of somebody new, and whether it opens. */
async function somebody() {
  const subjectId = randomUUID()
  const { app } = application
  const [transactions, store] = [app.get(EventTransactions), app.get(EventStore)]
  const event = searchPerformed({ subjectId, private: { query: 'code=1' } })
  const [appended] = await transactions.run(({ sql }) => store.append(sql, [event]))
  const opens = async () => 'opening' in (await transactions.run(({ sql }) => store.open(sql, appended!.id)))
  return { subjectId, opens }
}

async function count(table: string, subjectId: string): Promise<number> {
  const { rows } = await admin.query<{ count: string }>(`SELECT count(*) FROM ${table} WHERE subject_id = $1`, [
    subjectId,
  ])
  return Number(rows[0]!.count)
}

/** The key schema as it is now, for putting it back later: past every trigger, as whoever restores a backup does. */
async function backup(): Promise<() => Promise<void>> {
  const tables = ['subject', 'subject_key', 'tombstone']
  const name = `kept_${randomUUID().replaceAll('-', '')}`
  await admin.query(`CREATE SCHEMA ${name}`)
  for (const table of tables) await admin.query(`CREATE TABLE ${name}.${table} AS TABLE records_keys.${table}`)
  return async () => {
    await admin.query('BEGIN; SET LOCAL session_replication_role = replica')
    for (const table of tables.toReversed()) await admin.query(`DELETE FROM records_keys.${table}`)
    for (const table of tables) await admin.query(`INSERT INTO records_keys.${table} SELECT * FROM ${name}.${table}`)
    await admin.query('COMMIT')
  }
}

describe('a service whose signer is away', () => {
  it('answers nothing, and says why', async () => {
    await waitUntil(async () => expect((await readiness()).checks).toMatchObject({ database: 'up', broker: 'up' }))
    const refused = await fetch(url('/try'))
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'producer-unverified' }])
    expect((await readiness()).checks).toMatchObject({ producer: 'down', tombstones: 'down' })
    await signer.comeBack()
    await serves()
    expect((await readiness()).checks).toMatchObject({ producer: 'up', tombstones: 'up' })
  })

  it('destroys nothing that the signer has not acknowledged', async () => {
    const { subjectId, opens } = await somebody()
    await signer.goAway()
    await expect(destroy(subjectId)).rejects.toMatchObject({ code: 'remote-failure' })
    expect([await opens(), await count('subject_key', subjectId)]).toEqual([true, 1])
    await signer.comeBack()
    expect(await destroy(subjectId)).toEqual({ keys: 1 })
    expect(await opens()).toBe(false)
  })
})

describe('a signer that dies between its write and its answer', () => {
  it('leaves the keys as they are, until the service hears of the tombstone again', async () => {
    const { subjectId, opens } = await somebody()
    signer.diesBeforeAnswer = true
    await expect(destroy(subjectId)).rejects.toMatchObject({ code: 'remote-failure' })
    expect(await count('subject_key', subjectId)).toBe(1)
    await waitUntil(async () => expect(await count('subject_key', subjectId)).toBe(0))
    expect(await opens()).toBe(false)
    expect(await destroy(subjectId)).toEqual({ keys: 1 })
  })
})

describe('destroying keys', () => {
  it('takes keys and private parts of the subject, and leaves everybody else alone', async () => {
    const [gone, other] = [await somebody(), await somebody()]
    expect(await destroy(gone.subjectId)).toEqual({ keys: 1 })
    expect(await gone.opens()).toBe(false)
    expect(await other.opens()).toBe(true)
    expect([await count('subject_key', gone.subjectId), await count('event_private', gone.subjectId)]).toEqual([0, 0])
    expect(signer.tombstones.filter((one) => one.subjectId === gone.subjectId)).toHaveLength(1)
  })

  it('may be repeated, and names also whom the service never met', async () => {
    const [{ subjectId }, stranger] = [await somebody(), randomUUID()]
    expect(await destroy(subjectId, stranger)).toEqual({ keys: 1 })
    expect(await destroy(subjectId, stranger)).toEqual({ keys: 1 })
    expect(signer.tombstones).toContainEqual({ subjectId: stranger, key: null } satisfies Tombstone)
    const { app } = application
    const event = searchPerformed({ subjectId: stranger })
    const append = app.get(EventTransactions).run(({ sql }) => app.get(EventStore).append(sql, [event]))
    await expect(append).rejects.toThrow(/erased/)
  })

  it('is refused for the deployment, under whose key everything without a person is kept', async () => {
    await expect(destroy(deploymentIdOf(ORIGIN))).rejects.toMatchObject({ rejection: 'deployment-subject' })
  })
})

describe('a key schema that was put back', () => {
  it('opens no erased subject while the service runs on, not even before it looks again', async () => {
    const { subjectId, opens } = await somebody()
    const restore = await backup()
    await destroy(subjectId)
    await restore()
    expect(await count('subject_key', subjectId)).toBe(1)
    expect(await opens()).toBe(false)
  })

  it('is cleansed before the service answers again, of the stranger as of the acquaintance', async () => {
    const [known, other, stranger] = [await somebody(), await somebody(), randomUUID()]
    const restore = await backup()
    await destroy(known.subjectId, stranger)
    await restore()
    await postgresRestarts()
    await serves()
    expect(await count('subject_key', known.subjectId)).toBe(0)
    expect(await count('tombstone', known.subjectId)).toBe(1)
    const { rows } = await admin.query(`SELECT state FROM subject WHERE subject_id = ANY ($1::text[])`, [
      [known.subjectId, stranger],
    ])
    expect(rows).toEqual([{ state: 'erased' }, { state: 'erased' }])
    expect([await known.opens(), await other.opens()]).toEqual([false, true])
  })

  it('gives the signer back what it lost, or was never told', async () => {
    const { subjectId } = await somebody()
    await destroy(subjectId)
    const before = signer.tombstones.length
    signer.tombstones = []
    await postgresRestarts()
    await serves()
    expect(signer.tombstones.length).toBeGreaterThan(0)
    expect(signer.tombstones.length).toBeLessThanOrEqual(before)
    expect(signer.tombstones.filter((one) => one.subjectId === subjectId)).toHaveLength(1)
  })
})

async function postgresRestarts(): Promise<void> {
  const { port, dataDir } = postgres
  admin.on('error', () => {})
  await postgres.kill()
  postgres = await startPostgres({ durable: false, port, dataDir })
  admin = new Client(new URL('/careseal', postgres.url).href)
  await admin.connect()
  await admin.query('SET search_path = records, records_keys')
}
