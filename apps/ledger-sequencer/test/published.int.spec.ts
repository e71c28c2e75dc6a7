// What the world is told only ever moves forward, whoever writes it and however late.
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest, readerOf } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'
import { sha256 } from '@careseal/crypto'
import { Lease } from '../src/lease/lease.js'
import { LedgerReader } from '../src/reading/ledger-reader.js'
import { publish } from '../src/reading/published.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(async () => {
  await ledger.end()
  await database.stop()
})
beforeEach(async () => {
  ledger = await LedgerUnderTest.begin(database)
})

describe('the published checkpoint', () => {
  it('never goes back, whoever comes late', async () => {
    const { deliver, sequencer } = await ledger.start()
    const older = await ledger.published()
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await sequencer.stop()
    const newer = await ledger.published()
    expect(newer.size).toBeGreaterThan(older.size)
    expect(await publish(database.pool, older, newer.note)).toBe(false)
    expect(await ledger.published()).toEqual(newer)
  })

  it('moves on when the clock of the database has stepped back', async () => {
    const { deliver } = await ledger.start()
    await database.tamper(`UPDATE published SET cosigned_at = clock_timestamp() + interval '1 day'`)
    const { cosignedAt, ...same } = await ledger.published()
    expect(await publish(database.pool, same, same.note)).toBe(true)
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await ledger.sealed(20)
    await eventually(async () => (await ledger.published()).size === (await ledger.head()).treeSize)
    expect((await ledger.published()).cosignedAt.getTime()).toBeGreaterThanOrEqual(cosignedAt.getTime())
  })

  it('of one size takes another only where the note that it replaces still stands', async () => {
    const { sequencer } = await ledger.start()
    await sequencer.stop()
    const { size, root, note } = await ledger.published()
    const ofSuccessor = { size, root, note: `${note}of a successor` }
    expect(await publish(database.pool, ofSuccessor, note)).toBe(true)
    expect(await publish(database.pool, { size, root, note: `${note}late` }, note)).toBe(false)
    expect((await ledger.published()).note).toBe(ofSuccessor.note)
    expect(await publish(database.pool, { size, root, note }, ofSuccessor.note)).toBe(true)
  })

  it('is told of by nobody who came too late to publish it', async () => {
    const { deliver, published } = await ledger.start()
    await eventually(() => published.length > 0)
    await database.tamper('UPDATE published SET size = 1000000')
    const told = published.length
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await ledger.sealed(20)
    await eventually(async () => (await ledger.signed()).size === (await ledger.head()).treeSize)
    await delay(100)
    expect(published).toHaveLength(told)
  })

  it('is not shown by a standby beneath which an old database was put back, until the newest is there again', async () => {
    const first = await ledger.start()
    await first.sequencer.stop()
    await database.backUp()
    const { deliver, sequencer } = await ledger.start()
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await sequencer.stop()
    const standby = readerOf(database)
    const shown = await standby.published()
    await database.restore()
    const refusal = { status: 503, code: 'checkpoint-went-back' }
    await expect(standby.published()).rejects.toMatchObject(refusal)
    await expect(standby.tip()).rejects.toMatchObject(refusal)
    expect(await standby.sizes()).toMatchObject({ publishedSize: expect.any(Number) })
    await database.tamper('UPDATE published SET size = $1, root = $2, note = $3', [shown.size, shown.root, shown.note])
    expect((await standby.published()).size).toBe(shown.size)
  })

  it('is not shown by a standby while it is older than what the signer has signed', async () => {
    const { deliver, sequencer } = await ledger.start()
    const older = await ledger.published()
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await sequencer.stop()
    const { size, root, note } = await ledger.published()
    const put = 'UPDATE published SET size = $1, root = $2, note = $3'
    await database.tamper(put, [older.size, older.root, older.note])
    // Whoever starts now stays a standby, and nobody publishes.
    const lease = await Lease.acquire({ url: database.url, durationMs: 1_000, onLost: () => {} })
    const { status } = ledger.begin()
    const standby = new LedgerReader(database.pool, sha256, status)
    await eventually(() => status.mayShowNewest)
    await expect(standby.published()).rejects.toMatchObject({ status: 503, code: 'ledger-not-confirmed' })
    await database.tamper(put, [size, root, note])
    expect((await standby.published()).size).toBe(size)
    await lease.release()
  })

  it('is refused to nobody while it moves on', async () => {
    const { deliver, sequencer } = await ledger.start()
    const writer = new ChainWriter(ORIGIN, 'records')
    const reader = readerOf(database)
    const end = new AbortController()
    const readOn = async () => {
      const sizes = new Set<number>()
      while (!end.signal.aborted) sizes.add((await reader.published()).size)
      return sizes.size
    }
    const readers = Array.from({ length: 8 }, readOn)
    for (let round = 0; round < 20; round++) {
      await deliver(writer.write(5))
      await delay(50)
    }
    end.abort()
    expect(Math.min(...(await Promise.all(readers)))).toBeGreaterThan(1)
    await sequencer.stop()
  })
})
