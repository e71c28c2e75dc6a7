// Commits one block: everything of it or nothing, under the epoch that the writer holds.
import type pg from 'pg'
import { BatchFailed, Fatal } from '../fatal.js'
import type { FullTile } from '../tree/tile-builder.js'

/** A block as it goes into the database. `leaves` is tag and commitment, 64 bytes a leaf, in the order of the runs. */
export type BlockAppend = {
  height: number
  epoch: number
  header: Uint8Array
  hash: Uint8Array
  controls: readonly Uint8Array[]
  leaves: Uint8Array
  treeSize: number
  root: Uint8Array
  compactRange: Uint8Array
  tiles: readonly FullTile[]
  cursors: readonly Cursor[]
  /** Producers that a control of this block admits: their cursors are new. */
  admitted: readonly Cursor[]
}

export type Cursor = { producer: string; lastSeq: number; lastLink: Uint8Array }

const PASSING = /^(40|53|55P03|57014)/

/** Throws BatchFailed when nothing was committed and the same block may be tried again; any other failure is Fatal. */
export async function appendBlock(writer: pg.ClientBase, block: BlockAppend): Promise<void> {
  try {
    await writer.query('BEGIN')
    await holdLease(writer, block.epoch)
    await insertBlock(writer, block)
    await insertTiles(writer, block.tiles)
    await moveHead(writer, block)
    await moveCursors(writer, block)
  } catch (error) {
    await rollBack(writer, error)
  }
  try {
    // If we crash here, the block is either there as a whole or not at all; the next start reads which.
    await writer.query('COMMIT')
  } catch (cause) {
    throw new Fatal('commit-unknown', `whether block ${block.height} was committed is unknown`, { cause })
  }
}

async function rollBack(writer: pg.ClientBase, error: unknown): Promise<never> {
  const sqlState = String((error as { code?: unknown }).code ?? '')
  try {
    await writer.query('ROLLBACK')
  } catch (cause) {
    throw new Fatal('connection-lost', 'the connection broke within a block', { cause })
  }
  if (error instanceof Fatal) throw error
  if (PASSING.test(sqlState)) throw new BatchFailed(sqlState, { cause: error })
  if (sqlState === 'LE001') throw new Fatal('fenced', 'another epoch has begun', { cause: error })
  throw new Fatal('append-refused', `the database refused the block (${sqlState})`, { cause: error })
}

async function holdLease(writer: pg.ClientBase, epoch: number): Promise<void> {
  const held = await writer.query('SELECT FROM lease WHERE epoch = $1 FOR SHARE', [epoch])
  if (held.rowCount !== 1) throw new Fatal('fenced', `epoch ${epoch} has a successor`)
}

async function insertBlock(writer: pg.ClientBase, block: BlockAppend): Promise<void> {
  await writer.query('INSERT INTO block (header, hash, controls, leaves) VALUES ($1, $2, $3, $4)', [
    block.header,
    block.hash,
    block.controls,
    block.leaves,
  ])
}

async function insertTiles(writer: pg.ClientBase, tiles: readonly FullTile[]): Promise<void> {
  if (tiles.length === 0) return
  await writer.query(
    `INSERT INTO tile (level, index, hashes, root)
     SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[], $4::bytea[])`,
    [tiles.map((t) => t.level), tiles.map((t) => t.index), tiles.map((t) => t.hashes), tiles.map((t) => t.root)],
  )
}

async function moveHead(writer: pg.ClientBase, block: BlockAppend): Promise<void> {
  const moved = await writer.query(
    `UPDATE head SET tree_size = $3, root = $4, compact_range = $5, height = $6, header_hash = $7, epoch = $2
      WHERE height = $1 AND epoch <= $2`,
    [block.height - 1, block.epoch, block.treeSize, block.root, block.compactRange, block.height, block.hash],
  )
  if (moved.rowCount !== 1) throw new Fatal('fenced', `the head is not at height ${block.height - 1}`)
}

async function moveCursors(writer: pg.ClientBase, { height, cursors, admitted }: BlockAppend): Promise<void> {
  if (admitted.length > 0) {
    await writer.query(
      `INSERT INTO producer_cursor (producer, last_seq, last_link, height)
       SELECT producer, 0, link, $3 FROM unnest($1::text[], $2::bytea[]) AS new(producer, link)`,
      [admitted.map((c) => c.producer), admitted.map((c) => c.lastLink), height],
    )
  }
  if (cursors.length === 0) return
  const moved = await writer.query(
    `UPDATE producer_cursor c SET last_seq = new.seq, last_link = new.link, height = $4
       FROM unnest($1::text[], $2::bigint[], $3::bytea[]) AS new(producer, seq, link) WHERE c.producer = new.producer`,
    [cursors.map((c) => c.producer), cursors.map((c) => c.lastSeq), cursors.map((c) => c.lastLink), height],
  )
  if (moved.rowCount !== cursors.length) throw new Fatal('append-refused', 'a producer has no cursor')
}
