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

/** Publishes unless something newer was published meanwhile. Resolves to whether it was. */
export async function publish(sql: Sql, { size, root, note }: Omit<Published, 'cosignedAt'>): Promise<boolean> {
  const text = `UPDATE published SET size = $1, root = $2, note = $3, cosigned_at = clock_timestamp()
                 WHERE size < $1 OR (size = $1 AND cosigned_at < clock_timestamp())`
  const moved = await durableStep('checkpoint.publish', () => sql.query(text, [size, root, note]))
  return moved.rowCount === 1
}
