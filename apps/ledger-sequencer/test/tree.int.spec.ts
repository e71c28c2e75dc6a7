import { sha256 } from '@careseal/crypto'
import { leafIndexOf, parseCheckpoint, parseEntry, parseNote, type Header } from '@careseal/ledger-core'
import { leafHash, merkleRoot, verifyConsistency, verifyInclusion } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest, readerOf } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
let consent: ChainWriter

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

const bytesOf = (hashes: string[]) => hashes.map((hash) => Buffer.from(hash, 'hex'))

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
    const entries = await ledger.entries()
    const { size, root } = await ledger.published()
    expect(size).toBe(entries.length)
    const reader = readerOf(database)
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
  }, 300_000)
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
    const reader = readerOf(database)
    const hashes = (await ledger.entries()).map((bytes) => leafHash(sha256, bytes))
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
    const entries = (await ledger.entries()).map(parseEntry)
    const headers = entries.filter((entry) => 'block' in entry).map(({ block }) => block as Header)
    for (const leaf of [...records.leaves, ...consent.leaves]) {
      const index = headers.map((header) => leafIndexOf(header, leaf.producer, leaf.seq)).find((at) => at !== null)
      expect(entries[index as number]).toEqual({ leaf })
    }
  })
})
