// One key, one effect: the row is inserted before anything else, so of two requests with the same key the second waits
// for the first to commit and then gets its answers, or takes over when the first rolled back. (exactly-once.md, I19)
import type { ClientBase } from 'pg'
import type { Queryable } from './transaction.js'

/** What was answered, per entry of the request; never a body. */
export type IdempotentAnswer = { status: number; location?: string; etag?: string }

/** `actor` is who sent the request; `mac` is an HMAC over it; `subjectIds` are whose erasure removes the row. */
export type IdempotentRequest = { actor: string; key: string; mac: Uint8Array; subjectIds: readonly string[] }

/** The key was used for another request: 422. */
export class IdempotencyMismatch extends Error {
  readonly code = 'idempotency-mismatch'
  constructor() {
    super('the idempotency key belongs to another request')
  }
}

/** Begins; 'new' means: do the work and call `finishIdempotent` in the same transaction. Keys live for 24 hours. */
export async function beginIdempotent(
  sql: ClientBase,
  request: IdempotentRequest,
): Promise<'new' | { answers: IdempotentAnswer[] }> {
  const { rowCount } = await sql.query(
    `INSERT INTO idempotency AS i (actor, key, subject_ids, request_mac, expires_at)
     VALUES ($1, $2, $3, $4, now() + interval '24 hours')
     ON CONFLICT (actor, key) DO UPDATE SET subject_ids = excluded.subject_ids, answers = NULL,
       request_mac = excluded.request_mac, expires_at = excluded.expires_at
     WHERE i.expires_at <= now()`,
    [request.actor, request.key, request.subjectIds, Buffer.from(request.mac)],
  )
  return rowCount === 1 ? 'new' : { answers: await answersOf(sql, request) }
}

async function answersOf(sql: ClientBase, request: IdempotentRequest): Promise<IdempotentAnswer[]> {
  const { rows } = await sql.query<{ request_mac: Buffer; answers: IdempotentAnswer[] | null }>(
    'SELECT request_mac, answers FROM idempotency WHERE actor = $1 AND key = $2',
    [request.actor, request.key],
  )
  const [row] = rows
  if (!row?.request_mac.equals(request.mac)) throw new IdempotencyMismatch()
  if (!row.answers) throw new Error('an idempotent request was committed without its answers')
  return row.answers
}

/** Stores what is about to be answered. `subjectIds` replaces what was known at the beginning. */
export async function finishIdempotent(
  sql: ClientBase,
  request: Pick<IdempotentRequest, 'actor' | 'key'> & { subjectIds?: readonly string[] },
  answers: readonly IdempotentAnswer[],
): Promise<void> {
  const { rowCount } = await sql.query(
    `UPDATE idempotency SET answers = $3, subject_ids = coalesce($4, subject_ids) WHERE actor = $1 AND key = $2`,
    [request.actor, request.key, JSON.stringify(answers), request.subjectIds ?? null],
  )
  if (rowCount !== 1) throw new Error('an idempotent request was finished that never began')
}

/** Removes what expired, at most `limit` rows; answers how many. */
export async function purgeIdempotency(sql: Queryable, limit = 1000): Promise<number> {
  const { rowCount } = await sql.query(
    `DELETE FROM idempotency WHERE (actor, key) IN
       (SELECT actor, key FROM idempotency WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED)`,
    [limit],
  )
  return rowCount ?? 0
}
