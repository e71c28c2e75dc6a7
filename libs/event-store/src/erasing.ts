import type { ClientBase } from 'pg'

/**
 * Deletes what only these subjects' keys could open, and the answers kept for their requests; events stay. Idempotent.
 *
 * Runs as `<service>_eraser`, in the transaction that destroys the keys and after it has locked the subjects.
 */
export async function deletePrivateParts(sql: ClientBase, subjectIds: readonly string[]): Promise<void> {
  await sql.query('DELETE FROM event_private WHERE subject_id = ANY ($1::text[])', [subjectIds])
  await sql.query('DELETE FROM idempotency WHERE subject_ids && $1::text[]', [subjectIds])
}
