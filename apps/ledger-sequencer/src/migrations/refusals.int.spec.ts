// The database as the last line: each forbidden change is tried with the service's own role, and refused.
import { sha256 } from '@careseal/crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startLedgerDatabase, type LedgerDatabase } from '../testing/ledger-database.js'
import {
  append,
  childOf,
  genesisBlock,
  hexOf,
  inTransaction,
  insertBlock,
  insertCursor,
  linkOf,
  moveCursors,
  moveHead,
  rawBlock,
  type RawBlock,
} from '../testing/raw-block.js'

let database: LedgerDatabase
let sql: Client
const genesis = genesisBlock()
const first = childOf(genesis)

beforeAll(async () => {
  database = await startLedgerDatabase()
})

afterAll(async () => {
  await sql.end()
  await database.stop()
})

beforeEach(async () => {
  await sql?.end()
  await database.reset()
  sql = new Client({ connectionString: database.url })
  await sql.connect()
  await sql.query('UPDATE lease SET epoch = 1')
  await append(sql, genesis, ['consent', 'records'])
  await append(sql, first)
})

/** What the database says to it; empty when it allows it. */
async function refusalOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await inTransaction(sql, async () => void (await work()))
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

const next = (fields = {}, more = {}) =>
  childOf(first, { runs: [{ producer: 'records', fromSeq: 4, count: 1 }], ...fields }, more)

const insertTile = (level: number, index: number) =>
  sql.query('INSERT INTO tile VALUES ($1, $2, $3, $4)', [level, index, new Uint8Array(8192), new Uint8Array(32)])

async function grow(count: number): Promise<void> {
  const block = next({ runs: [{ producer: 'records', fromSeq: 4, count }] })
  await insertBlock(sql, block)
  await moveHead(sql, block)
  await moveCursors(sql, block)
}

const publish = (size: number, root = 'r') =>
  sql.query(`UPDATE published SET size = $1, root = sha256($2), note = 'n', cosigned_at = clock_timestamp()`, [
    size,
    Buffer.from(root),
  ])

describe('a block', () => {
  it('is taken when it fits', async () => {
    await append(sql, next())
    const found = await sql.query('SELECT height, tree_size, first_index FROM block ORDER BY height DESC LIMIT 1')
    expect(found.rows).toEqual([{ height: '2', tree_size: '8', first_index: '6' }])
  })

  it.each<[string, () => RawBlock, string]>([
    ['has a parent that has a child already', () => childOf(genesis), 'NOT_ON_HEAD'],
    ['leaves a height out', () => next({ height: 3 }), 'NOT_ON_HEAD'],
    ['repeats a height', () => next({ height: 1 }), 'NOT_ON_HEAD'],
    ['leaves an index out', () => next({ firstIndex: 7 }), 'NOT_ON_HEAD'],
    ['overlaps the block before', () => next({ firstIndex: 5 }), 'NOT_ON_HEAD'],
    ['names another parent', () => next({ prevHash: hexOf(sha256(Buffer.from('x'))) }), 'NOT_ON_HEAD'],
    ['goes back in time', () => next({ time: 1_767_225_599 }), 'NOT_ON_HEAD'],
    ['is of an older epoch', () => next({ epoch: 0 }), 'FENCED'],
    ['is of a later epoch', () => next({ epoch: 2 }), 'FENCED'],
    ['does not hash', () => ({ ...next(), hash: sha256(Buffer.from('x')) }), 'header_hashes'],
    ['has a leaf too many', () => ({ ...next(), leaves: new Uint8Array(128) }), 'COUNT_MISMATCH'],
    ['has a leaf too few', () => ({ ...next(), leaves: new Uint8Array(0) }), 'COUNT_MISMATCH'],
    ['has half a leaf', () => ({ ...next(), leaves: new Uint8Array(32) }), 'COUNT_MISMATCH'],
    ['says another count', () => next({}, { count: 2 }), 'COUNT_MISMATCH'],
    [
      'has a control that it does not say',
      () => ({ ...next(), controlEntries: [Buffer.from('{}')] }),
      'COUNT_MISMATCH',
    ],
    ['is empty', () => next({ runs: [] }), 'block_not_empty'],
    ['skips a seq', () => next({ runs: [{ producer: 'records', fromSeq: 5, count: 1 }] }), 'RUN_MISMATCH'],
    ['repeats a seq', () => next({ runs: [{ producer: 'records', fromSeq: 3, count: 1 }] }), 'RUN_MISMATCH'],
    [
      'holds a producer that is not admitted',
      () => next({ runs: [{ producer: 'x', fromSeq: 1, count: 1 }] }),
      'RUN_MISMATCH',
    ],
    [
      'holds a producer twice',
      () => next({ runs: [4, 4].map((fromSeq) => ({ producer: 'records', fromSeq, count: 1 })) }),
      'RUN_MISMATCH',
    ],
    [
      'holds a negative run',
      () =>
        next({
          runs: [
            { producer: 'consent', fromSeq: 1, count: -1 },
            { producer: 'records', fromSeq: 4, count: 2 },
          ],
        }),
      'RUN_MISMATCH',
    ],
  ])('is refused when it %s', async (_case, make, message) => {
    const block = make()
    expect(await refusalOf(() => insertBlock(sql, block))).toMatch(message)
  })

  it('is refused when it is not JSON of a header', async () => {
    const header = Buffer.from('{"leaf":{}}')
    expect(await refusalOf(() => insertBlock(sql, { ...next(), header, hash: sha256(header) }))).toMatch('NOT_A_HEADER')
  })

  it('is refused at commit when the head does not move with it', async () => {
    expect(
      await refusalOf(async () => {
        await insertBlock(sql, next())
        await moveCursors(sql, next())
      }),
    ).toMatch('HEAD_NOT_MOVED')
  })

  it('is refused at commit when a cursor does not move with it', async () => {
    expect(
      await refusalOf(async () => {
        await insertBlock(sql, next())
        await moveHead(sql, next())
      }),
    ).toMatch('CURSOR_NOT_MOVED')
  })

  it('is refused at commit when a full tile is missing', async () => {
    expect(
      await refusalOf(async () => {
        const block = next({ runs: [{ producer: 'records', fromSeq: 4, count: 249 }] })
        await insertBlock(sql, block)
        await moveHead(sql, block)
        await moveCursors(sql, block)
      }),
    ).toMatch('TILE_MISSING')
  })

  it('of two writers on one parent is taken once', async () => {
    const other = new Client({ connectionString: database.url })
    await other.connect()
    const both = await Promise.allSettled([append(sql, next()), append(other, next({ time: 1_767_225_601 }))])
    await other.end()
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  it('cannot be fooled by a temporary table in place of the head', async () => {
    const statement = 'CREATE TEMPORARY TABLE head AS SELECT * FROM head'
    expect(await refusalOf(() => sql.query(statement))).toMatch('permission denied to create temporary tables')
  })
})

describe('what is sealed', () => {
  it.each([
    ['a block is changed', `UPDATE block SET leaves = '' WHERE height = 1`],
    ['a block is deleted', 'DELETE FROM block WHERE height = 1'],
    ['blocks are truncated', 'TRUNCATE block CASCADE'],
    ['a tile is changed', `UPDATE tile SET root = sha256('x')`],
    ['a tile is deleted', 'DELETE FROM tile'],
    ['tiles are truncated', 'TRUNCATE tile'],
    ['the head is deleted', 'DELETE FROM head'],
    ['a cursor is deleted', 'DELETE FROM producer_cursor'],
    ['a freeze is undone', 'DELETE FROM frozen_producer'],
    ['the lease is deleted', 'DELETE FROM lease'],
    ['the published checkpoint is deleted', 'DELETE FROM published'],
    ['a guard is dropped', 'DROP TRIGGER place_block ON block'],
    ['a guard is turned off', 'ALTER TABLE block DISABLE TRIGGER ALL'],
    ['guards are passed over', 'SET session_replication_role = replica'],
  ])('stays when %s by the service', async (_case, statement) => {
    expect(await refusalOf(() => sql.query(statement))).toMatch(/permission denied|must be owner/)
    const kept = await sql.query('SELECT (SELECT count(*) FROM block) AS blocks, (SELECT count(*) FROM head) AS heads')
    expect(kept.rows).toEqual([{ blocks: '2', heads: '1' }])
  })

  it('is append-only even for the owner, short of taking the guards down', async () => {
    const owner = new Client({ connectionString: database.ownerUrl })
    await owner.connect()
    await expect(owner.query(`UPDATE block SET leaves = ''`)).rejects.toThrow('APPEND_ONLY')
    await expect(owner.query('DELETE FROM tile')).rejects.toThrow('APPEND_ONLY')
    await owner.end()
  })
})

describe('the head', () => {
  it.each([
    ['goes back', 'UPDATE head SET height = 0'],
    ['names a block that is not there', 'UPDATE head SET height = 2'],
    ['names another hash', `UPDATE head SET header_hash = sha256('x')`],
    ['names another size', `UPDATE head SET tree_size = 7, compact_range = decode(repeat('00', 96), 'hex')`],
  ])('is refused when it %s', async (_case, statement) => {
    expect(await refusalOf(() => sql.query(statement))).toMatch('HEAD_WITHOUT_BLOCK')
  })

  it('has a compact range that fits its size', async () => {
    const block = next()
    expect(
      await refusalOf(async () => {
        await insertBlock(sql, block)
        await sql.query(`UPDATE head SET tree_size = 8, compact_range = '', height = 2, header_hash = $1`, [block.hash])
      }),
    ).toMatch('head_check')
  })
})

describe('a cursor', () => {
  it.each([
    ['goes back', `UPDATE producer_cursor SET last_seq = 2 WHERE producer = 'records'`],
    ['goes on without leaves', `UPDATE producer_cursor SET last_seq = 4 WHERE producer = 'records'`],
    ['changes its link', `UPDATE producer_cursor SET last_link = sha256('x') WHERE producer = 'records'`],
    ['changes its name', `UPDATE producer_cursor SET producer = 'y' WHERE producer = 'consent'`],
  ])('is refused when it %s', async (_case, statement) => {
    expect(await refusalOf(() => sql.query(statement))).toMatch('CURSOR_WITHOUT_LEAVES')
  })

  it('is refused for a producer that no entry admits', async () => {
    expect(await refusalOf(() => insertCursor(sql, 'audit', 1))).toMatch('NOT_ADMITTED')
    expect(await refusalOf(() => insertCursor(sql, 'audit', 0))).toMatch('NOT_ADMITTED')
  })

  it('is made by the block that admits its producer, with that first link alone', async () => {
    const link = linkOf('consent-2')
    const data = { name: 'consent-2', firstLink: link, follows: 'consent' }
    const admin = Buffer.from(JSON.stringify({ admin: { v: 1, type: 'producer-admitted', data, approvals: [] } }))
    const block = { ...next({ controls: 1, runs: [] }), controlEntries: [admin] }
    expect(
      await refusalOf(async () => {
        await insertBlock(sql, block)
        await insertCursor(sql, 'consent-2', 2, linkOf('other'))
      }),
    ).toMatch('NOT_ADMITTED')
    await inTransaction(sql, async () => {
      await insertBlock(sql, block)
      await insertCursor(sql, 'consent-2', 2, link)
      await moveHead(sql, block)
    })
    const found = await sql.query(`SELECT last_seq FROM producer_cursor WHERE producer = 'consent-2'`)
    expect(found.rows).toEqual([{ last_seq: '0' }])
  })
})

describe('a tile', () => {
  it('is taken when it is full and in its place', async () => {
    await inTransaction(sql, async () => {
      await grow(600)
      await insertTile(0, 0)
      await insertTile(0, 1)
    })
    expect((await sql.query('SELECT index FROM tile')).rows).toHaveLength(2)
  })

  it('is refused beyond the sealed entries', async () => {
    expect(await refusalOf(() => insertTile(0, 0))).toMatch('TILE_OUT_OF_PLACE')
  })

  it('is refused when it leaves a gap', async () => {
    expect(
      await refusalOf(async () => {
        await grow(600)
        await insertTile(0, 1)
      }),
    ).toMatch('TILE_OUT_OF_PLACE')
  })

  it('is refused when it is not full', async () => {
    const short = [0, 0, new Uint8Array(8160), new Uint8Array(32)]
    expect(await refusalOf(() => sql.query('INSERT INTO tile VALUES ($1, $2, $3, $4)', short))).toMatch(
      'tile_hashes_check',
    )
  })
})

describe('the published checkpoint', () => {
  it('goes forward from block end to block end, and never back', async () => {
    await publish(2)
    await publish(6)
    expect(await refusalOf(() => publish(2))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    expect(await refusalOf(() => publish(5))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    expect(await refusalOf(() => publish(7))).toMatch('CHECKPOINT_OUT_OF_ORDER')
  })

  it('has one root for one size', async () => {
    await publish(6)
    expect(await refusalOf(() => publish(6, 'other'))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    await publish(6)
  })
})

describe('the lease', () => {
  it('goes from epoch to epoch, one at a time, and changes hands with the epoch alone', async () => {
    const holder = `holder = gen_random_uuid()`
    expect(await refusalOf(() => sql.query('UPDATE lease SET epoch = 0'))).toMatch('EPOCH_OUT_OF_ORDER')
    expect(await refusalOf(() => sql.query('UPDATE lease SET epoch = 3'))).toMatch('EPOCH_OUT_OF_ORDER')
    expect(await refusalOf(() => sql.query(`UPDATE lease SET ${holder}`))).toMatch('EPOCH_OUT_OF_ORDER')
    await sql.query(`UPDATE lease SET epoch = 2, ${holder}`)
  })

  it('of a later epoch shuts the earlier writer out', async () => {
    await sql.query('UPDATE lease SET epoch = 2')
    expect(await refusalOf(() => insertBlock(sql, next()))).toMatch('FENCED')
    await append(sql, next({ epoch: 2 }))
    expect(await refusalOf(() => insertBlock(sql, rawBlock({ height: 3, firstIndex: 8, epoch: 1 })))).toMatch('FENCED')
  })
})
