import { sha256 } from '@careseal/crypto'
import { EMPTY_HEAD, firstLink, type Genesis } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { loadCursors, loadHead } from '../src/database/head.js'
import { BatchFailed } from '../src/fatal.js'
import { Lease } from '../src/lease/lease.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { hexOf, ORIGIN } from './raw-block.js'
import { TileBuilder } from '@careseal/merkle'
import { appendBlock } from '../src/appender/append-block.js'
import { sealBlocks } from '../src/appender/appender.js'
import { BlockPlanner } from '../src/appender/block-planner.js'
import { LeafQueue } from '../src/appender/leaf-queue.js'

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

/** The writer, but for appends that `fail` names: those reject, before or after the database has done them. */
function failing(fail: (append: number) => Error | null, when: 'before' | 'after' = 'before') {
  let appends = 0
  const query = async (sql: string, values?: unknown[]) => {
    const error = fail(++appends)
    if (error && when === 'before') throw error
    await lease.writer.query(sql, values)
    if (error) throw error
  }
  return { query } as unknown as Pick<ClientBase, 'query'>
}

const withCode = (code: string, severity = 'ERROR') => Object.assign(new Error('from the database'), { code, severity })
const blockOf = (count: number) => planner.planLeaves(records.write(count), now())!

describe('appending a block', () => {
  it.each(['40001', '40P01', '53100', '53300', '55P03', '57014'])(
    'fails as a batch for the passing state %s, and the same block fits afterwards',
    async (code) => {
      const block = blockOf(3)
      await expect(
        appendBlock(
          failing(() => withCode(code)),
          block,
        ),
      ).rejects.toThrow(BatchFailed)
      expect((await loadHead(database.pool)).height).toBe(0)
      await appendBlock(lease.writer, block)
      expect((await loadHead(database.pool)).height).toBe(1)
    },
  )

  it('that is cancelled while it waits for a lock has done nothing, and is done again', async () => {
    const block = blockOf(3)
    const blocker = await database.pool.connect()
    await blocker.query('BEGIN; SELECT FROM lease FOR UPDATE')
    const appended = appendBlock(lease.writer, block)
    const pid = (lease.writer as unknown as { processID: number }).processID
    setTimeout(() => void database.pool.query('SELECT pg_cancel_backend($1)', [pid]), 50)
    await expect(appended).rejects.toMatchObject({ name: 'BatchFailed', sqlState: '57014' })
    await blocker.query('ROLLBACK')
    blocker.release()
    await appendBlock(lease.writer, block)
    expect((await loadHead(database.pool)).height).toBe(1)
  })

  it.each<[string, Error, string]>([
    ['the connection breaks', new Error('Connection terminated unexpectedly'), 'commit-unknown'],
    ['the server shuts down', withCode('57P01', 'FATAL'), 'commit-unknown'],
    ['the database refuses', withCode('23505'), 'append-refused'],
    ['another epoch has begun', withCode('LE001'), 'fenced'],
  ])('is fatal when %s', async (_case, error, code) => {
    const writer = failing(() => error)
    await expect(appendBlock(writer, blockOf(3))).rejects.toMatchObject({ name: 'Fatal', code })
  })

  it('is fatal when it was committed but reported as failed, for nobody can know', async () => {
    const writer = failing(() => new Error('Connection terminated unexpectedly'), 'after')
    await expect(appendBlock(writer, blockOf(3))).rejects.toMatchObject({ code: 'commit-unknown' })
    expect((await loadHead(database.pool)).height).toBe(1)
  })

  it('is fatal for a writer whose epoch has passed', async () => {
    const block = blockOf(3)
    await database.tamper('UPDATE lease SET epoch = epoch + 1')
    await expect(appendBlock(lease.writer, block)).rejects.toMatchObject({ code: 'fenced' })
    expect((await loadHead(database.pool)).height).toBe(0)
  })

  it('looks up the tiles that new ones follow, however many there are', async () => {
    for (let block = 0; block < 16; block++) await appendBlock(lease.writer, blockOf(4096))
    await database.tamper('ANALYZE tile')
    await lease.writer.query('BEGIN')
    await appendBlock(lease.writer, blockOf(4096))
    const { rows } = await lease.writer.query(
      `SELECT idx_scan > 0 AS "byKey", seq_tup_read::int AS "inOrder" FROM pg_stat_xact_user_tables WHERE relname = 'tile'`,
    )
    await lease.writer.query('COMMIT')
    expect(rows).toEqual([{ byKey: true, inOrder: 0 }])
  })

  it('is fatal when the head is not where the block expects it', async () => {
    const block = blockOf(3)
    await appendBlock(lease.writer, block)
    await expect(appendBlock(lease.writer, block)).rejects.toMatchObject({ code: 'append-refused' })
  })
})

describe('sealing', () => {
  it('tries the same block again until it is committed, once', async () => {
    const queue = new LeafQueue({ batchMax: 10, lingerMs: 0 })
    const failures: number[] = []
    const writer = failing((append) => (append <= 2 ? withCode('53200') : null))
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
    const writer = failing(() => new Error('Connection terminated'))
    const sealing = sealBlocks({ writer, planner, queue, now, onSealed: () => {}, onFailedBatch: () => {} })
    void queue.offer(records.write(1))
    await expect(sealing).rejects.toMatchObject({ code: 'commit-unknown' })
    expect((await loadHead(database.pool)).height).toBe(0)
  })
})
