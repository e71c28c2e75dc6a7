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
 * Publishes unless something newer was published meanwhile; with `instead` only where that very note still stands.
 * Resolves to whether it did. A clock that steps back delays nothing: the time moves on by the least that there is.
 */
export async function publish(
  sql: Sql,
  { size, root, note }: Omit<Published, 'cosignedAt'>,
  instead: string | null = null,
): Promise<boolean> {
  const text = `UPDATE published SET size = $1, root = $2, note = $3,
                       cosigned_at = greatest(clock_timestamp(), cosigned_at + interval '1 microsecond')
                 WHERE size <= $1 AND ($4::text IS NULL OR note = $4)`
  const moved = await durableStep('checkpoint.publish', () => sql.query(text, [size, root, note, instead]))
  return moved.rowCount === 1
}
