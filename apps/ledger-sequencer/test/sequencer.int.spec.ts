import { sha256 } from '@careseal/crypto'
import { parseEntry, verifyCheckpoint } from '@careseal/ledger-core'
import { leafHash } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Signer } from '../src/signer/signer.js'
import { verifyEd25519 } from '@careseal/cosigner'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
let consent: ChainWriter
const NEVER = 3_600_000
/** Entries that may be committed and not re-read. */
const UNREAD_MAX = 131_072
const FULL_BLOCK = 4_096

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

describe('the sequencer', () => {
  it('seals every leaf once, in its producer’s order, under checkpoints that verify', async () => {
    const { deliver } = await ledger.start({ batchMax: 37 })
    for (let i = 0; i < 20; i++) await Promise.all([deliver(records.write(30)), deliver(consent.write(7))])
    await ledger.sealed(740)
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    const entries = await ledger.entries()
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
    const leaves = (await ledger.entries()).map(parseEntry).filter((entry) => 'leaf' in entry)
    expect(leaves.map(({ leaf }) => leaf.seq)).toEqual(Array.from({ length: 51 }, (_, i) => i + 1))
  })

  it('goes on where it stopped, and asks the reader for no more than is missing', async () => {
    const first = await ledger.start()
    const beforeTheBlock = Math.floor(Date.now() / 1000) * 1000
    await first.deliver(records.write(5))
    await first.sequencer.stop()
    const afterTheBlock = Date.now()
    const second = await ledger.start()
    expect(second.position.records).toEqual({ seq: 5, link: records.events[4]?.link })
    expect(second.position.consent?.seq).toBe(0)
    const aMinuteLater = second.since.getTime() + 60_000
    expect(aMinuteLater).toBeGreaterThanOrEqual(beforeTheBlock)
    expect(aMinuteLater).toBeLessThanOrEqual(afterTheBlock)
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
    await eventually(async () => (await ledger.published()).size === head.treeSize)
    expect((await ledger.signed()).size).toBe(head.treeSize)
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

/** A pool on which blocks are re-read only after something else was done. */
function poolOnWhich(beforeReread: () => Promise<void>): Pool {
  const query = async (text: string, values?: unknown[]) => {
    if (text.includes('FROM block WHERE height >=')) await beforeReread()
    return database.pool.query(text, values)
  }
  return Object.assign(Object.create(database.pool) as Pool, { query })
}

describe('the pace of sealing and signing', () => {
  it('signs what it has read although more blocks come than it reads at a time', async () => {
    let keepsComing = false
    const pool = poolOnWhich(async () => {
      if (keepsComing) await deliver(records.write(20))
      await ledger.sealed(records.events.length)
    })
    const { deliver, published } = await ledger.start({ pool, batchMax: 1, lingerMs: 0 })
    keepsComing = true
    await deliver(records.write(1))
    await eventually(() => published.length >= 4)
    keepsComing = false
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    expect(await ledger.leafCount()).toBe(records.events.length)
  })

  it('does not seal further ahead of its re-reading than a second’s worth, and goes on with it', async () => {
    let reread = Promise.resolve()
    const pool = poolOnWhich(() => reread)
    const { deliver } = await ledger.start({ batchMax: FULL_BLOCK, pool })
    const mayReread = Promise.withResolvers<void>()
    reread = mayReread.promise
    const events = records.write(UNREAD_MAX + 5 * FULL_BLOCK)
    void deliver(events)
    await ledger.sealed(UNREAD_MAX - FULL_BLOCK)
    await delay(500)
    // One block is planned and one committed where the look found room.
    expect(await ledger.leafCount()).toBeLessThanOrEqual(UNREAD_MAX + 2 * FULL_BLOCK)
    mayReread.resolve()
    await ledger.sealed(events.length)
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
  }, 30_000)
})
