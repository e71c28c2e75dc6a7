import { sha256 } from '@careseal/crypto'
import {
  parseCheckpoint,
  parseEntry,
  parseNote,
  verifyCheckpoint,
  leafIndexOf,
  type Header,
} from '@careseal/ledger-core'
import { leafHash, merkleRoot, verifyConsistency, verifyInclusion } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import { verifyEd25519 } from './testing/verify-ed25519.js'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Signer } from './signer/signer.js'
import { LedgerReader } from './reading/ledger-reader.js'
import { ChainWriter } from './testing/chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './testing/ledger-database.js'
import { eventually, LedgerUnderTest } from './testing/ledger-under-test.js'
import { ORIGIN } from './testing/raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
let consent: ChainWriter
const NEVER = 3_600_000
const UNCHECKED = 'ALTER TABLE block DROP CONSTRAINT header_hashes'

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  ledger = await LedgerUnderTest.begin(database)
  records = new ChainWriter(ORIGIN, 'records')
  consent = new ChainWriter(ORIGIN, 'consent')
})
afterEach(() => ledger.end())

async function everything(): Promise<Uint8Array[]> {
  const reader = new LedgerReader(database.pool, sha256)
  const entries: Uint8Array[] = []
  for (let from: number | null = 0; from !== null;) {
    const page: Awaited<ReturnType<LedgerReader['entries']>> = await reader.entries(from, 1000)
    entries.push(...page.entries.map(({ bytes }) => Buffer.from(bytes, 'base64')))
    from = page.next
  }
  return entries
}

const bytesOf = (hashes: string[]) => hashes.map((hash) => Buffer.from(hash, 'hex'))

describe('the sequencer', () => {
  it('seals every leaf once, in its producer’s order, under checkpoints that verify', async () => {
    const { deliver } = await ledger.start({ batchMax: 37 })
    for (let i = 0; i < 20; i++) await Promise.all([deliver(records.write(30)), deliver(consent.write(7))])
    await ledger.sealed(740)
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    const entries = await everything()
    const leaves = entries.map(parseEntry).filter((entry) => 'leaf' in entry)
    for (const chain of [records, consent]) {
      expect(leaves.map(({ leaf }) => leaf).filter(({ producer }) => producer === chain.producer)).toEqual(chain.leaves)
    }
    const { note } = await ledger.published()
    const signer = await Signer.open(ledger.dir)
    const checkpoint = await verifyCheckpoint(note, { logVkeys: [signer.vkey] }, { sha256, verifyEd25519 })
    expect(checkpoint.size).toBe(entries.length)
    const naive = naiveRoot(
      sha256,
      entries.map((bytes) => leafHash(sha256, bytes)),
    )
    expect(Buffer.from(checkpoint.root).equals(Buffer.from(naive))).toBe(true)
  })

  it('drops what is sealed already, so a replay changes nothing', async () => {
    const { deliver } = await ledger.start()
    const events = records.write(50)
    await deliver(events)
    await deliver(events.slice(10, 40))
    await deliver(events)
    await deliver(records.write(1))
    await ledger.sealed(51)
    const leaves = (await everything()).map(parseEntry).filter((entry) => 'leaf' in entry)
    expect(leaves.map(({ leaf }) => leaf.seq)).toEqual(Array.from({ length: 51 }, (_, i) => i + 1))
  })

  it('goes on where it stopped, and asks the reader for no more than is missing', async () => {
    const first = await ledger.start()
    await first.deliver(records.write(5))
    await first.sequencer.stop()
    const second = await ledger.start()
    expect(second.position.records).toEqual({ seq: 5, link: records.events[4]?.link })
    expect(second.position.consent?.seq).toBe(0)
    await second.deliver(records.write(5))
    await ledger.sealed(10)
    expect((await ledger.head()).epoch).toBe(3)
  })

  it('stops gracefully with everything that it took sealed and published', async () => {
    const { deliver, sequencer } = await ledger.start({ checkpointIntervalMs: NEVER, lingerMs: 200 })
    await deliver(records.write(25))
    await sequencer.stop()
    expect(await ledger.leafCount()).toBe(25)
    expect((await ledger.published()).size).toBe((await ledger.head()).treeSize)
    const lease = await database.pool.query('SELECT holder, backend_pids FROM lease')
    expect(lease.rows).toEqual([{ holder: null, backend_pids: [] }])
  })

  it('ends rather than seal a leaf whose link does not fit', async () => {
    const { deliver, fatal } = await ledger.start()
    await deliver(records.write(3))
    await ledger.sealed(3)
    const foreign = new ChainWriter(ORIGIN, 'records', 'another history')
    await deliver(foreign.write(5).slice(3))
    await eventually(() => fatal.length > 0)
    expect(fatal).toEqual(['broken-chain'])
    expect(await ledger.leafCount()).toBe(3)
  })

  it('remembers a frozen producer over a restart, while the others go on', async () => {
    const first = await ledger.start()
    first.freeze('consent', 'its own answer differs')
    await first.deliver(records.write(2))
    await ledger.sealed(2)
    await first.sequencer.stop()
    const second = await ledger.start()
    expect([...second.status.frozen.keys()]).toEqual(['consent'])
    expect(Object.keys(second.position)).toEqual(['audit', 'records'])
  })
})

describe('crashes', () => {
  it('between commit and signature are mended at the next start', async () => {
    const crashed = await ledger.start({ checkpointIntervalMs: NEVER })
    await crashed.deliver(records.write(40))
    await ledger.sealed(40)
    const before = await ledger.signed()
    expect(before.size).toBeLessThan((await ledger.head()).treeSize)
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY((SELECT backend_pids FROM lease)::int[])`,
    )
    await eventually(() => crashed.fatal.length > 0)
    await ledger.start()
    const head = await ledger.head()
    expect((await ledger.signed()).size).toBe(head.treeSize)
    expect((await ledger.published()).size).toBe(head.treeSize)
    expect(await ledger.leafCount()).toBe(40)
  })

  it('between signature and publication publish the very same bytes later', async () => {
    const first = await ledger.start()
    await first.deliver(records.write(10))
    await first.sequencer.stop()
    const { note, size } = await ledger.published()
    await database.tamper(`UPDATE published SET size = 2, note = 'lost'`)
    await ledger.start()
    expect(await ledger.published()).toMatchObject({ note, size })
  })
})

async function sealTwoParts() {
  const first = await ledger.start()
  await first.deliver(records.write(20))
  await first.sequencer.stop()
  await database.backUp()
  const second = await ledger.start()
  await second.deliver(records.write(20))
  await second.sequencer.stop()
}

// Whoever restores the signer's folder with the database gets by; only witnesses see that.
async function growAnotherHistory() {
  const { size, root } = await ledger.published()
  const memory = JSON.stringify({ v: 1, size, root: Buffer.from(root).toString('hex') })
  const file = `${ledger.dir}/signer-state.json`
  const kept = await readFile(file)
  await writeFile(file, memory)
  const forked = await ledger.start()
  await forked.deliver(consent.write(30))
  await forked.sequencer.stop()
  await writeFile(file, kept)
}

describe('a database that is older than the signer', () => {
  it('is found out: nothing is appended, nothing signed, and old data is still read', async () => {
    await sealTwoParts()
    const signed = await ledger.signed()
    await database.restore()
    const { status, deliver, published } = await ledger.start()
    expect(status.halt?.code).toBe('rollback-detected')
    await deliver(records.write(5))
    await new Promise((done) => setTimeout(done, 100))
    expect(await ledger.leafCount()).toBe(20)
    expect(await ledger.signed()).toEqual(signed)
    expect(published).toEqual([])
    expect(await everything()).toHaveLength((await ledger.head()).treeSize)
  })

  it('is found out even when another history has grown past what was signed', async () => {
    await sealTwoParts()
    const signed = await ledger.signed()
    await database.restore()
    await growAnotherHistory()
    expect((await ledger.head()).treeSize).toBeGreaterThan(signed.size)
    const { status } = await ledger.start()
    expect(status.halt?.code).toBe('rollback-detected')
    expect(await ledger.signed()).toEqual(signed)
  })

  it('is no excuse for a signer that lost its memory', async () => {
    await sealTwoParts()
    await rm(`${ledger.dir}/signer-state.json`)
    await expect(ledger.start()).rejects.toThrow('the signer state is missing')
  })
})

describe('what is read back before it is signed', () => {
  it.each([
    ['a byte of a leaf', `UPDATE block SET leaves = set_byte(leaves, 70, get_byte(leaves, 70) # 1) WHERE height = 1`],
    [
      'a header',
      `${UNCHECKED}; UPDATE block SET header = set_byte(header, 30, get_byte(header, 30) # 1) WHERE height = 1`,
    ],
    ['the hash of a header', `${UNCHECKED}; UPDATE block SET hash = sha256('x') WHERE height = 1`],
    ['a run', `UPDATE block SET runs = '[{"count": 400, "fromSeq": 2, "producer": "records"}]' WHERE height = 1`],
    ['a hash in a tile', `UPDATE tile SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)`],
    ['the root of a tile', `UPDATE tile SET root = sha256('x')`],
    ['a missing tile', 'DELETE FROM tile'],
  ])('and differs in %s is not signed', async (_case, change) => {
    const { deliver, status, sequencer } = await ledger.start({ checkpointIntervalMs: NEVER, lingerMs: 50 })
    const before = await ledger.signed()
    await deliver(records.write(400))
    await ledger.sealed(400)
    await database.tamper(change)
    await sequencer.stop()
    expect(status.halt?.code).toBe('ledger-corrupt')
    expect(await ledger.signed()).toEqual(before)
    expect((await ledger.published()).size).toBe(before.size)
    const again = await ledger.start()
    // A tile that was changed below the signed size shows as a database that is not the signed one.
    expect(again.status.halt?.code).toMatch(/^(ledger-corrupt|rollback-detected)$/)
  })
})

describe('a tree with two levels of tiles', () => {
  it('is built, taken up again and proved at the same cost per entry', async () => {
    const first = await ledger.start({ batchMax: 4096 })
    for (let i = 0; i < 7; i++) await first.deliver(records.write(10_000))
    await first.sequencer.stop()
    const second = await ledger.start({ batchMax: 4096 })
    await second.deliver(records.write(1_000))
    await second.sequencer.stop()
    expect(second.fatal).toEqual([])
    const tiles = await database.pool.query('SELECT level, count(*) AS n FROM tile GROUP BY level ORDER BY level')
    expect(tiles.rows).toEqual([
      { level: 0, n: 277 },
      { level: 1, n: 1 },
    ])
    const entries = await everything()
    const { size, root } = await ledger.published()
    expect(size).toBe(entries.length)
    const reader = new LedgerReader(database.pool, sha256)
    for (const index of [0, 65_535, 65_536, 70_911, size - 1]) {
      const proof = bytesOf((await reader.inclusion(index)).proof)
      const given = { index, size, leafHash: leafHash(sha256, entries[index]!), proof, root }
      expect(verifyInclusion(sha256, given)).toBe(true)
    }
    expect(
      Buffer.from(
        merkleRoot(
          sha256,
          entries.map((bytes) => leafHash(sha256, bytes)),
        ),
      ).equals(root),
    ).toBe(true)
  }, 60_000)
})

describe('proofs', () => {
  it('of every index and between all checkpoints verify, and equal the naive ones', async () => {
    const notes: string[] = []
    const { deliver } = await ledger.start({ batchMax: 60 })
    for (let i = 0; i < 6; i++) {
      await deliver(records.write(100))
      await ledger.sealed(100 * (i + 1))
      await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
      notes.push((await ledger.published()).note)
    }
    const reader = new LedgerReader(database.pool, sha256)
    const hashes = (await everything()).map((bytes) => leafHash(sha256, bytes))
    const checkpoints = notes.map((note) => parseCheckpoint(parseNote(note).text))
    for (const { size, root } of checkpoints) {
      expect(Buffer.from(naiveRoot(sha256, hashes.slice(0, size))).equals(Buffer.from(root))).toBe(true)
      for (let index = 0; index < size; index += 13) {
        const proof = bytesOf((await reader.inclusion(index, size)).proof)
        expect(verifyInclusion(sha256, { index, size, leafHash: hashes[index]!, proof, root })).toBe(true)
      }
    }
    for (const older of checkpoints) {
      for (const newer of checkpoints.filter(({ size }) => size >= older.size)) {
        const proof = bytesOf((await reader.consistency(older.size, newer.size)).proof)
        const sizes = { oldSize: older.size, newSize: newer.size, oldRoot: older.root, newRoot: newer.root }
        expect(verifyConsistency(sha256, { ...sizes, proof })).toBe(true)
      }
    }
  })

  it('find a leaf where its block’s header says that it stands', async () => {
    const { deliver } = await ledger.start({ batchMax: 10 })
    await Promise.all([deliver(records.write(33)), deliver(consent.write(8))])
    await ledger.sealed(41)
    const entries = (await everything()).map(parseEntry)
    const headers = entries.filter((entry) => 'block' in entry).map(({ block }) => block as Header)
    for (const leaf of [...records.leaves, ...consent.leaves]) {
      const index = headers.map((header) => leafIndexOf(header, leaf.producer, leaf.seq)).find((at) => at !== null)
      expect(entries[index as number]).toEqual({ leaf })
    }
  })
})
