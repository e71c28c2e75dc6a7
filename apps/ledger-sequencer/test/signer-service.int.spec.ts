import { sha256 } from '@careseal/crypto'
import { approve, LedgerVerifier, logKeysAt, verifyCheckpoint, type Admin } from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AdminOutcome } from '../src/admission/admin-desk.js'
import { Signer } from '../src/signer/signer.js'
import { RemoteSigner } from '../src/signer-service/remote-signer.js'
import { startSignerServer, type SignerServer } from '../src/signer-service/signer-server.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest, type RunningSequencer } from './ledger-under-test.js'
import { newOperator, submit as submitApproved } from './operators.js'
import { ORIGIN } from './raw-block.js'

const operators = ['operator-1', 'operator-2'].map(newOperator)
const SECRET = 's'.repeat(40)
let database: LedgerDatabase
let ledger: LedgerUnderTest
let server: SignerServer
let records: ChainWriter
let secrets: string

beforeAll(async () => {
  database = await startLedgerDatabase()
  secrets = await mkdtemp(join(tmpdir(), 'careseal-secret-'))
  await writeFile(join(secrets, 'right'), SECRET)
  await writeFile(join(secrets, 'wrong'), 'x'.repeat(40))
})
afterAll(async () => {
  await database.stop()
  await rm(secrets, { recursive: true })
})
beforeEach(async () => {
  const vkeys = operators.map(({ vkey }) => vkey)
  ledger = await LedgerUnderTest.begin(database, vkeys)
  records = new ChainWriter(ORIGIN, 'records')
  server = await serve(0)
})
afterEach(async () => {
  await ledger.end()
  await server.stop()
})

async function serve(port: number): Promise<SignerServer> {
  const signer = await Signer.open(ledger.dir)
  return startSignerServer({ signer, secret: SECRET, host: '127.0.0.1', port, onFailure: () => {} })
}

const remote = (secret = 'right') =>
  new RemoteSigner({ url: `http://127.0.0.1:${server.port}`, secretFile: join(secrets, secret), timeoutMs: 1_000 })

const start = () => ledger.start({ openSigner: async () => remote() })

async function allPublished(leafCount: number): Promise<void> {
  await ledger.sealed(leafCount)
  await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
}

function submit(run: RunningSequencer, type: string, data: object): Promise<AdminOutcome> {
  return submitApproved({ ledger, run, operators }, { type, data } as Omit<Admin, 'approvals'>)
}

describe('a signer in its own process', () => {
  it('signs for a sequencer that holds no key, and keeps its tombstones', async () => {
    const { deliver } = await start()
    await deliver(records.write(20))
    await allPublished(20)
    const tombstones = await remote().openTombstones()
    await tombstones.add('records', [{ subjectId: 'somebody', key: { id: 'k', version: 1 } }])
    expect(await tombstones.list('records', 0, 10)).toEqual({
      tombstones: [{ subjectId: 'somebody', key: { id: 'k', version: 1 } }],
      next: null,
    })
  })

  it('answers nobody without the secret, and serves no network in the clear', async () => {
    await expect(remote('wrong').read()).rejects.toThrow('answers 401')
    const signer = await Signer.open(ledger.dir)
    const open = { signer, secret: SECRET, host: '0.0.0.0', port: 0, onFailure: () => {} }
    await expect(startSignerServer(open)).rejects.toThrow('in the clear')
  })

  it('may be silent: blocks are committed, nothing halts, and what waited is signed once it is back', async () => {
    const { deliver, status } = await start()
    await deliver(records.write(5))
    await allPublished(5)
    const { size } = await ledger.published()
    const { port } = server
    await server.stop()
    await deliver(records.write(5))
    await ledger.sealed(10)
    await eventually(() => status.signerSilence !== null)
    expect(status.halt).toBeNull()
    expect((await ledger.published()).size).toBe(size)
    await deliver(records.write(5))
    await ledger.sealed(15)
    server = await serve(port)
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    expect(status.signerSilence).toBeNull()
  })

  it('is waited for at the start, before anything is appended', async () => {
    const { port } = server
    const client = remote()
    await server.stop()
    const starting = ledger.start({ openSigner: async () => client })
    const before = await ledger.head()
    await delay(700)
    expect(await ledger.head()).toEqual(before)
    server = await serve(port)
    const { status } = await starting
    expect(status.confirmed).toBe(true)
  })
})

describe('a standby', () => {
  it('that has waited for the lease asks the signer again, and goes on from what it signed meanwhile', async () => {
    const first = await start()
    const waiting = start()
    await first.deliver(records.write(30))
    await allPublished(30)
    await first.sequencer.stop()
    const second = await waiting
    expect(second.status.confirmed).toBe(true)
    expect(second.position['records']?.seq).toBe(30)
    await second.deliver(records.write(5))
    await allPublished(35)
    expect((await ledger.head()).epoch).toBe(3)
  })
})

describe("the log's key", () => {
  it('is rotated while events are sealed: old and new sign in between, and only the new one after', async () => {
    const run = await start()
    const { vkey: old } = await Signer.open(ledger.dir)
    const writing = new AbortController()
    const load = (async () => {
      for (; !writing.signal.aborted; await delay(5)) await run.deliver(records.write(10))
    })()
    const foreign = newOperator(ORIGIN).vkey
    expect(await submit(run, 'key-added', { owner: 'log', vkey: foreign, replaces: old })).toEqual({
      refused: 'key-not-held',
    })
    const next = await remote().prepareKey([old])
    const added = await submit(run, 'key-added', { owner: 'log', vkey: next, replaces: old })
    expect(added).toHaveProperty('appended')
    expect(await submit(run, 'key-added', { owner: 'log', vkey: next, replaces: old })).toMatchObject({
      refused: 'not-in-order',
    })
    const index = (added as { appended: { index: number } }).appended.index
    await eventually(async () => (await ledger.published()).size > index)
    for (const vkey of [old, next]) expect(await signedBy(vkey)).toBe(true)
    const retired = await submit(run, 'key-retired', { owner: 'log', vkey: old, reason: 'rotated' })
    const end = (retired as { appended: { index: number } }).appended.index
    await eventually(async () => (await ledger.published()).size > end)
    expect(await signedBy(old)).toBe(false)
    expect(await signedBy(next)).toBe(true)
    writing.abort()
    await load
    await ledger.sealed(records.events.length)
    expect(run.fatal).toEqual([])
    const verifier = new LedgerVerifier(sha256)
    for (const bytes of await ledger.entries()) verifier.push(bytes)
    expect(logKeysAt(verifier.keys, index)).toEqual([old])
    expect(logKeysAt(verifier.keys, end)).toEqual([old, next])
    expect(logKeysAt(verifier.keys, end + 1)).toEqual([next])
  })

  it('may be rotated as often as anybody likes: the signer tells of all keys that it ever held', async () => {
    const known = [(await Signer.open(ledger.dir)).vkey]
    for (let i = 0; i < 40; i++) known.push(await remote().prepareKey(known))
    expect((await remote().read()).vkeys.toSorted()).toEqual(known.toSorted())
    expect((await start()).status.confirmed).toBe(true)
    const many = Array.from({ length: 1_100 }, (_, i) => `key ${i}`)
    expect(known).toContain(await remote().prepareKey([...many, ...known.slice(0, -1)]))
  })

  it('goes on as rotated in the next process', async () => {
    const first = await start()
    const { vkey: old } = await Signer.open(ledger.dir)
    const next = await remote().prepareKey([old])
    await submit(first, 'key-added', { owner: 'log', vkey: next, replaces: old })
    await submit(first, 'key-retired', { owner: 'log', vkey: old, reason: 'stolen' })
    await first.sequencer.stop()
    const second = await start()
    await second.deliver(records.write(3))
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    expect(await signedBy(old)).toBe(false)
    expect(await signedBy(next)).toBe(true)
  })
})

async function signedBy(vkey: string): Promise<boolean> {
  const { note } = await ledger.published()
  return verifyCheckpoint(note, { logVkeys: [vkey] }, { sha256, verifyEd25519 }).then(
    () => true,
    () => false,
  )
}

describe('a retreat of the signer', () => {
  it('is told by the ledger before it goes on from an older copy', async () => {
    const first = await start()
    await first.deliver(records.write(10))
    await allPublished(10)
    await first.sequencer.stop()
    await database.backUp()
    const second = await start()
    await second.deliver(records.write(10))
    await allPublished(20)
    await second.sequencer.stop()
    const abandoned = (await remote().read()).signed
    await database.restore()

    const rolledBack = await start()
    expect(rolledBack.status.halt?.code).toBe('rollback-detected')
    await rolledBack.sequencer.stop()

    const { treeSize: index, root } = await ledger.head()
    const data = {
      size: index,
      root: Buffer.from(root).toString('hex'),
      abandonedSize: abandoned.size,
      abandonedRoot: Buffer.from(abandoned.root).toString('hex'),
    }
    const entry = { type: 'signer-retreat', data }
    const one = approve({ origin: ORIGIN, index }, entry, operators.slice(0, 1))
    expect(await remote().retreat({ index, admin: one })).toEqual({ refused: 'not-approved' })
    const other = { ...entry, data: { ...data, abandonedSize: abandoned.size + 1 } }
    const wrong = approve({ origin: ORIGIN, index }, other, operators)
    expect(await remote().retreat({ index, admin: wrong })).toEqual({ refused: 'signed-another' })
    const admin = approve({ origin: ORIGIN, index }, entry, operators)
    expect(await remote().retreat({ index, admin })).toMatchObject({ retreated: { size: index } })
    expect(await remote().retreat({ index, admin })).toMatchObject({ retreated: { size: index } })

    const third = await start()
    expect(third.status.confirmed).toBe(true)
    await third.deliver(records.events.slice(10))
    await ledger.sealed(20)
    const verifier = new LedgerVerifier(sha256)
    const entries = (await ledger.entries()).map((bytes) => verifier.push(bytes))
    expect(entries[index]).toMatchObject({ admin: { type: 'signer-retreat', data } })
    expect(verifier.state().governance.retreats).toMatchObject([{ ...data, index }])
    await third.sequencer.stop()
    expect((await start()).status.confirmed).toBe(true)
    expect((await ledger.entries()).filter((bytes) => Buffer.from(bytes).includes('signer-retreat'))).toHaveLength(1)
  })
})
