// Blocks as the database holds them, and the entries that they stand for. Entries are rebuilt on request from the packed
// leaves, never stored twice.
import { encodeLeaf, PACKED_LEAF_BYTES, type Leaf, type Run } from '@careseal/ledger-core'
import type { Sql } from '../database/connections.js'

export const LEAF_BYTES = PACKED_LEAF_BYTES
const HASH_BYTES = 32

/** Controls, then the leaves of the runs, then the header: `treeSize - firstIndex` entries. */
export type BlockRow = {
  height: number
  hash: Uint8Array
  firstIndex: number
  treeSize: number
  runs: Run[]
  header: Uint8Array
  controls: readonly Uint8Array[]
  /** Tag and commitment of `leafCount` leaves, the first of which is number `firstLeaf` of the block. */
  leaves: Uint8Array
  firstLeaf: number
}

const COLUMNS = `height, hash, first_index AS "firstIndex", tree_size AS "treeSize", runs, header, controls`

/** Whole blocks from a height on, lowest first. */
export async function loadBlocks(sql: Sql, { from, limit }: { from: number; limit: number }): Promise<BlockRow[]> {
  const found = await sql.query<BlockRow>(
    `SELECT ${COLUMNS}, leaves, 0 AS "firstLeaf" FROM block WHERE height >= $1 ORDER BY height LIMIT $2`,
    [from, limit],
  )
  return found.rows
}

/** The height of the newest block, −1 without one. */
export async function newestHeight(sql: Sql): Promise<number> {
  const found = await sql.query<{ height: number }>('SELECT coalesce(max(height), -1) AS height FROM block')
  return Number(found.rows[0]?.height)
}

/** A page of a block's facts without its leaves. */
export type BlockSummary = Pick<BlockRow, 'height' | 'hash' | 'firstIndex' | 'treeSize' | 'runs' | 'header'>

export async function loadSummaries(
  sql: Sql,
  { from, limit }: { from: number; limit: number },
): Promise<BlockSummary[]> {
  const found = await sql.query<BlockSummary>(
    `SELECT ${COLUMNS} FROM block WHERE height >= $1 ORDER BY height LIMIT $2`,
    [from, limit],
  )
  return found.rows
}

/** The bytes of entries [start, end), which must lie below the tree size. Reads no more leaves than asked for. */
export async function loadEntries(sql: Sql, start: number, end: number): Promise<Uint8Array[]> {
  const found = await sql.query<BlockRow>(
    `SELECT ${COLUMNS}, lo AS "firstLeaf",
            substring(leaves FROM (lo * 64 + 1)::int FOR (greatest(hi - lo, 0) * 64)::int) AS leaves
       FROM block, LATERAL (SELECT first_index + cardinality(controls) AS base) b,
            LATERAL (SELECT greatest($1::bigint - base, 0) AS lo,
                            least($2::bigint - base, octet_length(leaves) / 64) AS hi) slice
      WHERE tree_size > $1 AND tree_size <= (SELECT min(tree_size) FROM block WHERE tree_size >= $2)
      ORDER BY tree_size`,
    [start, end],
  )
  const entries: Uint8Array[] = []
  for (const row of found.rows) {
    for (const { index, bytes } of entriesOf(row)) if (index >= start && index < end) entries.push(bytes)
  }
  if (entries.length !== end - start) throw new Error(`entries ${start} to ${end} are not all there`)
  return entries
}

/** The entries of a row in ledger order; leaves only as far as the row holds them. */
export function* entriesOf(row: BlockRow): Generator<{ index: number; bytes: Uint8Array }> {
  let index = row.firstIndex
  for (const bytes of row.controls) yield { index: index++, bytes }
  index += row.firstLeaf
  for (const leaf of leavesOf(row)) yield { index: index++, bytes: encodeLeaf(leaf) }
  yield { index: row.treeSize - 1, bytes: row.header }
}

/** The leaves that a row holds, in order. */
export function* leavesOf({
  runs,
  leaves,
  firstLeaf,
}: Pick<BlockRow, 'runs' | 'leaves' | 'firstLeaf'>): Generator<Leaf> {
  const last = firstLeaf + leaves.length / LEAF_BYTES
  let runStart = 0
  for (const run of runs) {
    const from = Math.max(firstLeaf, runStart)
    const to = Math.min(last, runStart + run.count)
    for (let leaf = from; leaf < to; leaf++) {
      yield { producer: run.producer, seq: run.fromSeq + leaf - runStart, ...unpack(leaves, leaf - firstLeaf) }
    }
    runStart += run.count
  }
}

/** Writes tag and commitment as 64 bytes. Throws when they are not 64 hex digits each. */
export function packLeaf({ tag, commitment }: Pick<Leaf, 'tag' | 'commitment'>, into: Buffer, at: number): void {
  const written = into.write(tag, at, HASH_BYTES, 'hex') + into.write(commitment, at + HASH_BYTES, HASH_BYTES, 'hex')
  if (written !== LEAF_BYTES || tag.length + commitment.length !== 2 * LEAF_BYTES) {
    throw new Error('a leaf holds what is not 64 hex digits')
  }
}

function unpack(packed: Uint8Array, position: number): Pick<Leaf, 'tag' | 'commitment'> {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset + position * LEAF_BYTES, LEAF_BYTES)
  return { tag: bytes.toString('hex', 0, HASH_BYTES), commitment: bytes.toString('hex', HASH_BYTES) }
}
