// The one row that says what the world was told. It only ever moves forward; the database refuses anything else.
import { durableStep } from '@careseal/durable-step'
import type { Sql } from '../database/connections.js'

export type Published = { size: number; root: Uint8Array; note: string; cosignedAt: Date }

/** The published checkpoint; size 0 and an empty note before the first. */
export async function loadPublished(sql: Sql): Promise<Published> {
  const found = await sql.query<Published>('SELECT size, root, note, cosigned_at AS "cosignedAt" FROM published')
  const row = found.rows[0]
  if (!row) throw new Error('the published row is missing')
  return row
}

/**
 * Publishes what is larger than all that was published; or the same size anew, in place of the note that stood when its
 * cosignatures were asked for. Any other of this size may be newer: their times would go back. (I8)
 * Resolves to whether it did. A clock that steps back delays nothing: the time moves on by the least that there is.
 */
export async function publish(
  sql: Sql,
  { size, root, note }: Omit<Published, 'cosignedAt'>,
  replaced: string,
): Promise<boolean> {
  const text = `UPDATE published SET size = $1, root = $2, note = $3,
                       cosigned_at = greatest(clock_timestamp(), cosigned_at + interval '1 microsecond')
                 WHERE size < $1 OR (size = $1 AND note = $4)`
  const moved = await durableStep('checkpoint.publish', () => sql.query(text, [size, root, note, replaced]))
  return moved.rowCount === 1
}
