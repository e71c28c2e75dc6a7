import { REJECTION_HEADER, type CommandReply, type ConsumerGrant } from '@careseal/contracts'
import { hmacSha256, sha256 } from '@careseal/crypto'
import { leafHashOf } from '@careseal/event-envelope'
import { EventStore } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { verifyReceipt, type Receipt } from '@careseal/ledger-core'
import { connectNats, request, type NatsConnection } from '@careseal/messaging'
import type { Application } from '@careseal/service-kit'
import { provisionDatabase, startNats, startPostgres, type RunningNats, type RunningPostgres } from '@careseal/stack'
import { createPublicKey, randomUUID, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  EventTransactions,
  OpenLeaf,
  ProducerGuard,
  projectionReader,
  Receipts,
  type ProjectionReader,
  type ReceiptResult,
} from './index.js'
import { migrate, searchPerformed, startTry } from './testing/app.fixture.js'
import { FakeLedger } from './testing/fake-ledger.fixture.js'
import { FakeSigner } from './testing/fake-signer.fixture.js'

const ORIGIN = 'test.invalid/ledger'
const folder = mkdtempSync(join(tmpdir(), 'careseal-try-'))
let postgres: RunningPostgres
let nats: RunningNats
let ledger: FakeLedger
let signer: FakeSigner
let application: Application
let pool: Pool
let nc: NatsConnection

beforeAll(async () => {
  ;[postgres, nats] = await Promise.all([startPostgres({ durable: false }), startNats()])
  const { records } = await provisionDatabase(postgres.url)
  await migrate(records.ownerUrl)
  ledger = new FakeLedger(ORIGIN, 'records')
  await ledger.start()
  ledger.isAway = true
  signer = await FakeSigner.start(nats.url, 'records')
  const kmsKeyFile = join(folder, 'kms.key')
  writeFileSync(kmsKeyFile, 'ab'.repeat(32), { mode: 0o600 })
  pool = new Pool({ connectionString: records.url })
  pool.on('error', () => {})
  application = await startTry({
    databaseUrl: records.url,
    kmsKeyFile,
    ledgerOrigin: ORIGIN,
    ledgerUrl: ledger.url,
    natsUrl: nats.url,
    consumersFile: join(folder, 'consumers.json'),
  })
  nc = await connectNats({ url: nats.url, name: 'audit' })
})
afterAll(async () => {
  await application.close()
  await nc.close()
  await pool.end()
  await Promise.all([ledger.stop(), signer.stop()])
  await Promise.all([postgres.stop(), nats.stop()])
  rmSync(folder, { recursive: true })
})

const fetchTry = (method = 'GET') => fetch(`http://127.0.0.1:${application.port}/try`, { method })
const readyz = async () => (await fetch(`http://127.0.0.1:${application.port}/readyz`)).status
const waitUntil = <T>(check: () => Promise<T>) => vi.waitFor(check, { timeout: 25_000, interval: 50 })
const all = { producer: 'records', from: 1, limit: 100 }
const replayOf = () => request(nc, 'records', 'replay-outbox', all, { deadlineMs: 2000 })

async function replayFor(consumer: string): Promise<unknown> {
  const reply = await nc.request(`cmd.records.replay-for.${consumer}`, JSON.stringify(all), { timeout: 5000 })
  return reply.headers?.get(REJECTION_HEADER) || reply.json<CommandReply<'replay-for'>>().events
}

function grantTo(name: string, types: ConsumerGrant['types']): void {
  const consumers = [{ name, types, publicNkey: `U${'A'.repeat(55)}`, recipient: false }]
  writeFileSync(join(folder, 'consumers.json'), JSON.stringify({ v: 1, consumers }))
}

const caller = { accountId: randomUUID(), clientId: 'c', role: 'auditor' as const, scopes: [] }

const receiptFor = (id: string): Promise<ReceiptResult> => application.app.get(Receipts).receiptFor(id)

async function receiptOf(id: string): Promise<Receipt> {
  const result = await receiptFor(id)
  if (!('receipt' in result)) throw new Error('no receipt yet')
  return result.receipt
}

async function write(): Promise<string> {
  const response = await fetchTry('POST')
  expect(response.status).toBe(201)
  return ((await response.json()) as { id: string }).id
}

async function count(table: string): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) FROM ${table}`)
  return Number(rows[0]!.count)
}

function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') }
  return verify(null, message, createPublicKey({ key, format: 'jwk' }), signature)
}

// Long enough for several rounds of a relay that does not ask.
async function appendBehindTheGuard(): Promise<void> {
  const client = await pool.connect()
  await client.query('BEGIN')
  await application.app.get(EventStore).append(client, [searchPerformed()])
  await client.query('COMMIT')
  client.release()
  await new Promise((resolve) => setTimeout(resolve, 400))
}

describe('a producer', () => {
  it('serves nothing and numbers nothing until the ledger has confirmed it', async () => {
    const refused = await fetchTry()
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('2')
    expect(await refused.json()).toMatchObject({ code: 'producer-unverified' })
    expect(await readyz()).toBe(503)
    const asked = request(nc, 'records', 'outbox-head', {}, { deadlineMs: 2000 })
    await expect(asked).rejects.toMatchObject({ rejection: 'producer-unverified' })
    expect(await count('relay_head')).toBe(0)
    ledger.isAway = false
    await waitUntil(async () => expect(await readyz()).toBe(200))
    expect((await fetchTry()).status).toBe(200)
  })

  it('publishes what it commits, and its own projection sees each event once', async () => {
    const ids = await Promise.all(Array.from({ length: 25 }, write))
    await waitUntil(async () => expect(await count('seen')).toBe(25))
    const { rows } = await pool.query<{ event_id: string }>('SELECT event_id FROM seen')
    expect(rows.map((row) => row.event_id).toSorted()).toEqual(ids.toSorted())
  })

  it('answers for its outbox', async () => {
    const head = await request(nc, 'records', 'outbox-head', {}, { deadlineMs: 2000 })
    const asked = { producer: 'records', from: 1, limit: 5000 }
    const { events, next } = await request(nc, 'records', 'replay-outbox', asked, { deadlineMs: 2000 })
    expect(events.at(-1)).toMatchObject({ seq: head.lastSeq, link: head.lastLink })
    expect(next).toBeNull()
  })

  it('answers an outside consumer in full what it was granted, and of the rest what its chain needs', async () => {
    const { events } = await replayOf()
    expect(await replayFor('billing')).toBe('not-granted')
    grantTo('billing', ['SearchPerformed'])
    expect(await replayFor('billing')).toEqual(events)
    grantTo('billing', ['RecordRead'])
    const withheld = events.map(({ seq, tag, commitment, link }) => {
      return { seq, leafHash: leafHashOf({ producer: 'records', seq, tag, commitment }), link }
    })
    expect(await replayFor('billing')).toEqual(withheld)
    expect(await replayFor('research')).toBe('not-granted')
    writeFileSync(join(folder, 'consumers.json'), '{"v":1,"consumers":[]}')
    expect(await replayFor('billing')).toBe('not-granted')
  })

  it('rebuilds its projection on demand, with progress', async () => {
    await pool.query('DELETE FROM seen WHERE event_id IN (SELECT event_id FROM seen LIMIT 7)')
    const reader = application.app.get<ProjectionReader>(projectionReader('seen'), { strict: false })
    const onProgress = vi.fn<(progress: { applied: number; total: number }) => void>()
    await reader.rebuild(onProgress)
    expect(await count('seen')).toBe(25)
    expect(onProgress).toHaveBeenLastCalledWith({ applied: 25, total: 25 })
    await write()
    await waitUntil(async () => expect(await count('seen')).toBe(26))
  })
})

describe('a receipt', () => {
  it('is pending until its block is published, and then verifies offline', async () => {
    const id = await write()
    expect(await receiptFor(id)).toMatchObject({ pending: true, retryAfterSeconds: 2 })
    // Else what is sealed may be an earlier test's event alone.
    await waitUntil(async () => expect(await count('outbox')).toBe(0))
    await waitUntil(async () => expect(await ledger.seal(pool)).toBeGreaterThan(0))
    expect(await receiptFor(id)).toMatchObject({ pending: true })
    await ledger.publish()
    const receipt = await waitUntil(() => receiptOf(id))
    const options = { logVkeys: [ledger.vkey], sha256, hmacSha256, verifyEd25519 }
    expect(await verifyReceipt(receipt, options)).toMatchObject({ ok: true, body: { id } })
    const forged = { ...receipt, event: { ...receipt.event, type: 'RecordRead' } }
    expect(await verifyReceipt(forged, options)).toMatchObject({ ok: false })
  })

  it('does not exist for an unknown event', async () => {
    expect(await receiptFor(randomUUID())).toEqual({ rejected: 'unknown-event' })
  })

  it('is gone with the keys of an erased subject', async () => {
    const subjectId = randomUUID()
    const transactions = application.app.get(EventTransactions)
    const store = application.app.get(EventStore)
    const [event] = await transactions.run(({ sql }) => store.append(sql, [searchPerformed({ subjectId })]))
    const eraser = new Client(new URL('/careseal', postgres.url).href)
    await eraser.connect()
    await eraser.query('SET search_path = records, records_keys')
    await eraser.query('SET ROLE records_eraser')
    await application.app.get(SubjectKeys).destroy(eraser, [{ subjectId, key: null }])
    await eraser.end()
    expect(await receiptFor(event!.id)).toEqual({ rejected: 'opening-destroyed' })
  })
})

describe('open-leaf', () => {
  it('opens a leaf for nobody until the app says for whom', async () => {
    const id = await write()
    const ask = () => request(nc, 'records', 'open-leaf', { eventId: id, caller }, { deadlineMs: 2000 })
    expect(await ask()).toEqual({ rejected: 'not-allowed' })
    application.app.get(OpenLeaf).authoriseWith(async (asking) => asking.role === 'auditor')
    expect(await ask()).toMatchObject({ producer: 'records', type: 'SearchPerformed', leafIndex: null })
    const unknown = { eventId: randomUUID(), caller }
    expect(await request(nc, 'records', 'open-leaf', unknown, { deadlineMs: 2000 })).toEqual({
      rejected: 'unknown-event',
    })
  })
})

describe('a producer behind the ledger', () => {
  it('answers nothing, numbers nothing, and says so', async () => {
    await waitUntil(async () => expect(await count('outbox')).toBe(0))
    const numbered = await count('outbox_numbered')
    ledger.claimed = { lastSeq: numbered + 1, lastLink: 'e'.repeat(64) }
    application.app.get(ProducerGuard).invalidate()
    await waitUntil(async () => expect(application.app.get(ProducerGuard).state).toBe('rolled-back'))
    expect(await (await fetchTry()).json()).toMatchObject({ status: 503, code: 'producer-rollback' })
    expect((await fetchTry('POST')).status).toBe(503)
    expect(await readyz()).toBe(503)
    await appendBehindTheGuard()
    expect(await count('outbox_numbered')).toBe(numbered)
    const asked = request(
      nc,
      'records',
      'replay-outbox',
      { producer: 'records', from: 1, limit: 1 },
      { deadlineMs: 2000 },
    )
    await expect(asked).rejects.toMatchObject({ rejection: 'producer-rolled-back' })
  })

  it('asks again when the database behind its connections was restarted', async () => {
    ledger.claimed = undefined
    await waitUntil(async () => expect(await readyz()).toBe(200))
    ledger.isAway = true
    const { port, dataDir } = postgres
    await postgres.kill()
    postgres = await startPostgres({ durable: false, port, dataDir })
    await waitUntil(async () => {
      const response = await fetchTry('POST')
      expect(await response.json()).toMatchObject({ code: 'producer-unverified' })
    })
    ledger.isAway = false
    await waitUntil(async () => expect((await fetchTry('POST')).status).toBe(201))
  })
})
