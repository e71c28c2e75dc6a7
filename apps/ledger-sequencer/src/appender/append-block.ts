// Commits one block: everything of it or nothing, under the epoch that the writer holds.
import { durableStep } from '@careseal/durable-step'
import type { ClientBase } from 'pg'
import { BatchFailed, Fatal } from '../fatal.js'
import type { FullTile } from '@careseal/merkle'

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

// Serialisation and deadlock, lack of resources, a lock not granted, a statement cancelled by its timeout.
const PASSING = /^(40|53|55P03|57014)/

const APPEND = `SELECT append_block(
  $1, $2, $3, $4, $5::bytea[], $6, $7, $8, $9, $10::smallint[], $11::bigint[], $12::bytea[], $13::bytea[],
  $14::text[], $15::bytea[], $16::text[], $17::bigint[], $18::bytea[])`

/** Throws BatchFailed when nothing was committed and the same block may be tried again; any other failure is Fatal. */
export async function appendBlock(writer: Pick<ClientBase, 'query'>, block: BlockAppend): Promise<void> {
  try {
    // If we crash here, the block is either there as a whole or not at all; the next start reads which.
    await durableStep('block.append', () => writer.query(APPEND, valuesOf(block)))
  } catch (error) {
    throw failureOf(error, block.height)
  }
}

// An ERROR of the database undoes its statement for certain. Whatever else, nobody has told us how it ended.
function failureOf(cause: unknown, height: number): BatchFailed | Fatal {
  const { severity, code = '' } = cause as { severity?: string; code?: string }
  if (severity !== 'ERROR') {
    return new Fatal('commit-unknown', `whether block ${height} was committed is unknown`, { cause })
  }
  if (PASSING.test(code)) return new BatchFailed(code, { cause })
  if (code === 'LE001') return new Fatal('fenced', 'another epoch has begun', { cause })
  return new Fatal('append-refused', `the database refused block ${height} (${code})`, { cause })
}

function valuesOf({ tiles, admitted, cursors, ...block }: BlockAppend): unknown[] {
  return [
    block.epoch,
    block.height - 1,
    block.header,
    block.hash,
    block.controls,
    block.leaves,
    block.treeSize,
    block.root,
    block.compactRange,
    tiles.map((tile) => tile.level),
    tiles.map((tile) => tile.index),
    tiles.map((tile) => tile.hashes),
    tiles.map((tile) => tile.root),
    admitted.map((cursor) => cursor.producer),
    admitted.map((cursor) => cursor.lastLink),
    cursors.map((cursor) => cursor.producer),
    cursors.map((cursor) => cursor.lastSeq),
    cursors.map((cursor) => cursor.lastLink),
  ]
}
