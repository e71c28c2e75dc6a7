// Sealing and re-reading keep pace with each other: what is sealed is signed soon, however fast leaves come.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
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
})
afterEach(() => ledger.end())

/** A pool on which blocks are re-read only after something else was done. */
function poolOnWhich(beforeReread: () => Promise<void>): Pool {
  const query = async (text: string, values?: unknown[]) => {
    if (text.includes('FROM block WHERE height >=')) await beforeReread()
    return database.pool.query(text, values)
  }
  return Object.assign(Object.create(database.pool) as Pool, { query })
}

describe('the sequencer', () => {
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
