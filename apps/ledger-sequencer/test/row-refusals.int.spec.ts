// The database as the last line: each forbidden change of a row is tried with the service's own role, and refused.
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { append, insertBlock, insertCursor, inTransaction, linkOf, moveHead, rawBlock } from './raw-block.js'
import { next, useSealedLedger } from './sealed-ledger.js'

const ledger = useSealedLedger()

const insertTile = (level: number, index: number) =>
  ledger.sql.query('INSERT INTO tile VALUES ($1, $2, $3, $4)', [level, index, new Uint8Array(8192), new Uint8Array(32)])

const publish = (size: number, root = 'r') =>
  ledger.sql.query(`UPDATE published SET size = $1, root = sha256($2), note = 'n', cosigned_at = clock_timestamp()`, [
    size,
    Buffer.from(root),
  ])

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
    expect(await ledger.refusalOf(() => ledger.sql.query(statement))).toMatch(/permission denied|must be owner/)
    const kept = await ledger.sql.query(
      'SELECT (SELECT count(*) FROM block) AS blocks, (SELECT count(*) FROM head) AS heads',
    )
    expect(kept.rows).toEqual([{ blocks: '2', heads: '1' }])
  })

  it('is append-only even for the owner, short of taking the guards down', async () => {
    const owner = new Client({ connectionString: ledger.database.ownerUrl })
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
    expect(await ledger.refusalOf(() => ledger.sql.query(statement))).toMatch('HEAD_WITHOUT_BLOCK')
  })

  it('has a compact range that fits its size', async () => {
    const block = next()
    expect(
      await ledger.refusalOf(async () => {
        await insertBlock(ledger.sql, block)
        await ledger.sql.query(`UPDATE head SET tree_size = 8, compact_range = '', height = 2, header_hash = $1`, [
          block.hash,
        ])
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
    expect(await ledger.refusalOf(() => ledger.sql.query(statement))).toMatch('CURSOR_WITHOUT_LEAVES')
  })

  it('is refused for a producer that no entry admits', async () => {
    expect(await ledger.refusalOf(() => insertCursor(ledger.sql, 'audit', 1))).toMatch('NOT_ADMITTED')
    expect(await ledger.refusalOf(() => insertCursor(ledger.sql, 'audit', 0))).toMatch('NOT_ADMITTED')
  })

  it('is made by the block that admits its producer, with that first link alone', async () => {
    const link = linkOf('consent-2')
    const data = { name: 'consent-2', firstLink: link, follows: 'consent' }
    const admin = Buffer.from(JSON.stringify({ admin: { v: 1, type: 'producer-admitted', data, approvals: [] } }))
    const block = { ...next({ controls: 1, runs: [] }), controlEntries: [admin] }
    expect(
      await ledger.refusalOf(async () => {
        await insertBlock(ledger.sql, block)
        await insertCursor(ledger.sql, 'consent-2', 2, linkOf('other'))
      }),
    ).toMatch('NOT_ADMITTED')
    await inTransaction(ledger.sql, async () => {
      await insertBlock(ledger.sql, block)
      await insertCursor(ledger.sql, 'consent-2', 2, link)
      await moveHead(ledger.sql, block)
    })
    const found = await ledger.sql.query(`SELECT last_seq FROM producer_cursor WHERE producer = 'consent-2'`)
    expect(found.rows).toEqual([{ last_seq: '0' }])
  })
})

describe('a tile', () => {
  it('is taken when it is full and in its place', async () => {
    await inTransaction(ledger.sql, async () => {
      await ledger.grow(600)
      await insertTile(0, 0)
      await insertTile(0, 1)
    })
    expect((await ledger.sql.query('SELECT index FROM tile')).rows).toHaveLength(2)
  })

  it('is refused beyond the sealed entries', async () => {
    expect(await ledger.refusalOf(() => insertTile(0, 0))).toMatch('TILE_OUT_OF_PLACE')
  })

  it('is refused when it leaves a gap', async () => {
    expect(
      await ledger.refusalOf(async () => {
        await ledger.grow(600)
        await insertTile(0, 1)
      }),
    ).toMatch('TILE_OUT_OF_PLACE')
  })

  it('is refused when it is not full', async () => {
    const short = [0, 0, new Uint8Array(8160), new Uint8Array(32)]
    expect(await ledger.refusalOf(() => ledger.sql.query('INSERT INTO tile VALUES ($1, $2, $3, $4)', short))).toMatch(
      'tile_hashes_check',
    )
  })
})

describe('the published checkpoint', () => {
  it('goes forward from block end to block end, and never back', async () => {
    await publish(2)
    await publish(6)
    expect(await ledger.refusalOf(() => publish(2))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    expect(await ledger.refusalOf(() => publish(5))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    expect(await ledger.refusalOf(() => publish(7))).toMatch('CHECKPOINT_OUT_OF_ORDER')
  })

  it('has one root for one size', async () => {
    await publish(6)
    expect(await ledger.refusalOf(() => publish(6, 'other'))).toMatch('CHECKPOINT_OUT_OF_ORDER')
    await publish(6)
  })
})

describe('the lease', () => {
  it('goes from epoch to epoch, one at a time, and changes hands with the epoch alone', async () => {
    const holder = `holder = gen_random_uuid()`
    expect(await ledger.refusalOf(() => ledger.sql.query('UPDATE lease SET epoch = 0'))).toMatch('EPOCH_OUT_OF_ORDER')
    expect(await ledger.refusalOf(() => ledger.sql.query('UPDATE lease SET epoch = 3'))).toMatch('EPOCH_OUT_OF_ORDER')
    expect(await ledger.refusalOf(() => ledger.sql.query(`UPDATE lease SET ${holder}`))).toMatch('EPOCH_OUT_OF_ORDER')
    await ledger.sql.query(`UPDATE lease SET epoch = 2, ${holder}`)
  })

  it('of a later epoch shuts the earlier writer out', async () => {
    await ledger.sql.query('UPDATE lease SET epoch = 2')
    expect(await ledger.refusalOf(() => insertBlock(ledger.sql, next()))).toMatch('FENCED')
    await append(ledger.sql, next({ epoch: 2 }))
    expect(
      await ledger.refusalOf(() => insertBlock(ledger.sql, rawBlock({ height: 3, firstIndex: 8, epoch: 1 }))),
    ).toMatch('FENCED')
  })
})
