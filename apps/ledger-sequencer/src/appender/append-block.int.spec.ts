import { sha256 } from '@careseal/crypto'
import { EMPTY_HEAD, firstLink, type Genesis } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadCursors, loadHead } from '../database/head.js'
import { BatchFailed } from '../fatal.js'
import { Lease } from '../lease/lease.js'
import { ChainWriter } from '../testing/chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from '../testing/ledger-database.js'
import { hexOf, ORIGIN } from '../testing/raw-block.js'
import { TileBuilder } from '../tree/tile-builder.js'
import { appendBlock } from './append-block.js'
import { sealBlocks } from './appender.js'
import { BlockPlanner } from './block-planner.js'
import { LeafQueue } from './leaf-queue.js'

let database: LedgerDatabase
let lease: Lease
let planner: BlockPlanner
let records: ChainWriter
const now = () => 1_767_225_600
const genesis: Genesis = {
  origin: ORIGIN,
  logKeys: ['spec'],
  operators: [],
  producers: { records: hexOf(firstLink(sha256, ORIGIN, 'records')) },
  previous: null,
}

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  await database.reset()
  lease = await Lease.acquire({ url: database.url, durationMs: 60_000, onLost: () => {} })
  records = new ChainWriter(ORIGIN, 'records')
  planner = new BlockPlanner({ head: EMPTY_HEAD, tiles: TileBuilder.empty(), cursors: new Map(), epoch: lease.epoch })
  await appendBlock(lease.writer, planner.planGenesis(genesis, now()))
})
afterEach(() => lease.close())

/** The writer, but for statements that `fail` names: those reject instead of reaching the database. */
function failing(fail: (sql: string) => Error | null): ClientBase {
  const query = (sql: string, values?: unknown[]) => {
    const error = fail(sql)
    return error ? Promise.reject(error) : lease.writer.query(sql, values)
  }
  return { query } as unknown as ClientBase
}

const withCode = (code: string) => Object.assign(new Error('from the database'), { code })
const blockOf = (count: number) => planner.planLeaves(records.write(count), now())!

describe('appending a block', () => {
  it.each(['40001', '40P01', '53100', '53300', '55P03', '57014'])(
    'fails as a batch for the passing state %s, and the same block fits afterwards',
    async (code) => {
      const block = blockOf(3)
      const writer = failing((sql) => (sql.startsWith('UPDATE head') ? withCode(code) : null))
      await expect(appendBlock(writer, block)).rejects.toThrow(BatchFailed)
      expect((await loadHead(database.pool)).height).toBe(0)
      await appendBlock(lease.writer, block)
      expect((await loadHead(database.pool)).height).toBe(1)
    },
  )

  it.each([
    ['the connection breaks before COMMIT', 'UPDATE head', undefined, 'connection-lost'],
    ['the database refuses', 'INSERT INTO block', '23505', 'append-refused'],
    ['the outcome of COMMIT is unknown', 'COMMIT', undefined, 'commit-unknown'],
  ])('is fatal when %s', async (_case, statement, code, expected) => {
    const broken = { is: false }
    const writer = failing((sql) => {
      if (sql.startsWith(statement) && code) return withCode(code)
      broken.is ||= sql.startsWith(statement)
      return broken.is ? new Error('Connection terminated unexpectedly') : null
    })
    await expect(appendBlock(writer, blockOf(3))).rejects.toMatchObject({ name: 'Fatal', code: expected })
    await lease.writer.query('ROLLBACK')
  })

  it('is fatal for a writer whose epoch has passed', async () => {
    const block = blockOf(3)
    await database.tamper('UPDATE lease SET epoch = epoch + 1')
    await expect(appendBlock(lease.writer, block)).rejects.toMatchObject({ code: 'fenced' })
    expect((await loadHead(database.pool)).height).toBe(0)
  })

  it('is fatal when the head is not where the block expects it', async () => {
    const block = blockOf(3)
    await appendBlock(lease.writer, block)
    await expect(appendBlock(lease.writer, block)).rejects.toMatchObject({ name: 'Fatal' })
  })

  it('tries the same block again until it is committed, once', async () => {
    const queue = new LeafQueue({ batchMax: 10, lingerMs: 0 })
    const failures: number[] = []
    let left = 2
    const writer = failing((sql) => (sql.startsWith('UPDATE head') && left-- > 0 ? withCode('53200') : null))
    const onFailedBatch = (_error: BatchFailed, attempts: number) => void failures.push(attempts)
    const sealing = sealBlocks({ writer, planner, queue, now, onSealed: () => {}, onFailedBatch })
    await queue.offer(records.write(5))
    queue.close()
    await sealing
    expect(failures).toEqual([1, 2])
    const [cursor] = await loadCursors(database.pool)
    expect([cursor?.lastSeq, hexOf(cursor!.lastLink)]).toEqual([5, records.events.at(-1)?.link])
  })

  it('ends at once when a commit fails, without waiting for more leaves', async () => {
    const queue = new LeafQueue({ batchMax: 1, lingerMs: 0 })
    const writer = failing((sql) => (sql === 'COMMIT' ? new Error('Connection terminated') : null))
    const sealing = sealBlocks({ writer, planner, queue, now, onSealed: () => {}, onFailedBatch: () => {} })
    // One leaf alone: the failure must not wait for another.
    void queue.offer(records.write(1))
    await expect(sealing).rejects.toMatchObject({ code: 'commit-unknown' })
    await lease.writer.query('ROLLBACK')
    expect((await loadHead(database.pool)).height).toBe(0)
  })
})
