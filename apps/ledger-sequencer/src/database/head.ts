// The right edge of the ledger as the last committed block left it.
import type { Position } from '@careseal/messaging'
import { CompactRange, type Hash, type Sha256 } from '@careseal/merkle'
import type { Sql } from './connections.js'

export type Head = {
  treeSize: number
  root: Uint8Array
  compactRange: Uint8Array
  /** −1 before block 0. */
  height: number
  headerHash: Uint8Array
  epoch: number
}

export async function loadHead(sql: Sql): Promise<Head> {
  const found = await sql.query<Head>(
    `SELECT tree_size AS "treeSize", root, compact_range AS "compactRange", height, header_hash AS "headerHash", epoch
       FROM head`,
  )
  const head = found.rows[0]
  if (!head) throw new Error('the head row is missing: have the migrations run?')
  return head
}

export type CursorRow = { producer: string; lastSeq: number; lastLink: Uint8Array }

/** How far each admitted producer is sealed. */
export async function loadCursors(sql: Sql): Promise<CursorRow[]> {
  const found = await sql.query<CursorRow>(
    'SELECT producer, last_seq AS "lastSeq", last_link AS "lastLink" FROM producer_cursor ORDER BY producer',
  )
  return found.rows
}

export function positionOf(cursors: readonly CursorRow[]): Position {
  const placeOf = ({ lastSeq, lastLink }: CursorRow) => ({ seq: lastSeq, link: Buffer.from(lastLink).toString('hex') })
  return Object.fromEntries(cursors.map((cursor) => [cursor.producer, placeOf(cursor)]))
}

export async function loadFrozen(sql: Sql): Promise<{ producer: string; reason: string }[]> {
  const found = await sql.query<{ producer: string; reason: string }>('SELECT producer, reason FROM frozen_producer')
  return found.rows
}

export async function recordFrozen(sql: Sql, producer: string, reason: string): Promise<void> {
  const text = `INSERT INTO frozen_producer (producer, seq, reason)
    SELECT producer, last_seq, $2 FROM producer_cursor WHERE producer = $1 ON CONFLICT DO NOTHING`
  await sql.query(text, [producer, reason])
}

export function packHashes(hashes: readonly Hash[]): Uint8Array {
  return Buffer.concat(hashes)
}

export function rangeOf(sha256: Sha256, { treeSize, compactRange }: Head): CompactRange {
  const hashes: Hash[] = []
  for (let at = 0; at < compactRange.length; at += 32) hashes.push(compactRange.subarray(at, at + 32))
  return CompactRange.from(sha256, treeSize, hashes)
}
