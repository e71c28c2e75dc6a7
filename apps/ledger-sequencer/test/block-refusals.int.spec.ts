// The database as the last line: each forbidden block is tried with the service's own role, and refused.
import { sha256 } from '@careseal/crypto'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { append, childOf, hexOf, insertBlock, moveCursors, moveHead, type RawBlock } from './raw-block.js'
import { genesis, next, useSealedLedger } from './sealed-ledger.js'

const ledger = useSealedLedger()

describe('a block', () => {
  it('is taken when it fits', async () => {
    await append(ledger.sql, next())
    const found = await ledger.sql.query(
      'SELECT height, tree_size, first_index FROM block ORDER BY height DESC LIMIT 1',
    )
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
    expect(await ledger.refusalOf(() => insertBlock(ledger.sql, block))).toMatch(message)
  })

  it('is refused when it is not JSON of a header', async () => {
    const header = Buffer.from('{"leaf":{}}')
    expect(await ledger.refusalOf(() => insertBlock(ledger.sql, { ...next(), header, hash: sha256(header) }))).toMatch(
      'NOT_A_HEADER',
    )
  })

  it('is refused at commit when the head does not move with it', async () => {
    expect(
      await ledger.refusalOf(async () => {
        await insertBlock(ledger.sql, next())
        await moveCursors(ledger.sql, next())
      }),
    ).toMatch('HEAD_NOT_MOVED')
  })

  it('is refused at commit when a cursor does not move with it', async () => {
    expect(
      await ledger.refusalOf(async () => {
        await insertBlock(ledger.sql, next())
        await moveHead(ledger.sql, next())
      }),
    ).toMatch('CURSOR_NOT_MOVED')
  })

  it('is refused at commit when a full tile is missing', async () => {
    expect(
      await ledger.refusalOf(async () => {
        const block = next({ runs: [{ producer: 'records', fromSeq: 4, count: 249 }] })
        await insertBlock(ledger.sql, block)
        await moveHead(ledger.sql, block)
        await moveCursors(ledger.sql, block)
      }),
    ).toMatch('TILE_MISSING')
  })

  it('of two writers on one parent is taken once', async () => {
    const other = new Client({ connectionString: ledger.database.url })
    await other.connect()
    const both = await Promise.allSettled([append(ledger.sql, next()), append(other, next({ time: 1_767_225_601 }))])
    await other.end()
    expect(both.map((one) => one.status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  it('cannot be fooled by a temporary table in place of the head', async () => {
    const statement = 'CREATE TEMPORARY TABLE head AS SELECT * FROM head'
    expect(await ledger.refusalOf(() => ledger.sql.query(statement))).toMatch(
      'permission denied to create temporary tables',
    )
  })
})
