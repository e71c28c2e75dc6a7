// Where an event stands in the ledger, and how long events wait for it.
import { hex } from '@careseal/crypto'
import type { Queryable } from './transaction.js'

/** An event's place in its producer's chain and in the ledger. */
export type LeafIndex = { seq: number; leafIndex: number; height: number }

/** What is known of an event's leaf: numbered or not yet, sealed (and below a published checkpoint) or not yet. */
export type LeafState = {
  producer: string
  seq: number | null
  tag: string
  commitment: string
  sealed: { leafIndex: number; height: number } | null
}

/** Null until the event is sealed below the published checkpoint, and for an event that does not exist. */
export async function leafIndexOf(sql: Queryable, eventId: string): Promise<LeafIndex | null> {
  const { rows } = await sql.query<{ seq: string; leaf_index: string; height: string }>(
    `SELECT n.seq, s.first_index + n.seq - s.from_seq AS leaf_index, s.height
     FROM event e JOIN outbox_numbered n ON n.event_pk = e.pk
     JOIN LATERAL (SELECT * FROM sealed WHERE producer = n.producer AND from_seq <= n.seq
                   ORDER BY from_seq DESC LIMIT 1) s ON n.seq < s.from_seq + s.count
     WHERE e.event_id = $1`,
    [eventId],
  )
  const [row] = rows
  return row ? { seq: Number(row.seq), leafIndex: Number(row.leaf_index), height: Number(row.height) } : null
}

/** The leaf of an event, as far as it has come; null when there is no such event. */
export async function leafStateOf(sql: Queryable, producer: string, eventId: string): Promise<LeafState | null> {
  const { rows } = await sql.query<{ producer: string | null; seq: string | null; tag: Buffer; commitment: Buffer }>(
    `SELECT n.producer, n.seq, coalesce(n.tag, o.tag) AS tag, coalesce(n.commitment, o.commitment) AS commitment
     FROM event e LEFT JOIN outbox_numbered n ON n.event_pk = e.pk LEFT JOIN outbox o ON o.event_pk = e.pk
     WHERE e.event_id = $1`,
    [eventId],
  )
  const [row] = rows
  if (!row) return null
  const sealed = await leafIndexOf(sql, eventId)
  return {
    producer: row.producer ?? producer,
    seq: row.seq === null ? null : Number(row.seq),
    tag: hex(row.tag),
    commitment: hex(row.commitment),
    sealed: sealed && { leafIndex: sealed.leafIndex, height: sealed.height },
  }
}

/** How long the oldest event waits for its number, and the oldest for its seal, in seconds; 0 when none waits. */
export async function waitingAges(
  sql: Queryable,
  producer: string,
): Promise<{ unpublishedSeconds: number; unsealedSeconds: number }> {
  const { rows } = await sql.query<{ unpublished: number; unsealed: number }>(
    `WITH sealed_to AS (SELECT coalesce((SELECT from_seq + count FROM sealed WHERE producer = $1
                                         ORDER BY from_seq DESC LIMIT 1), 1) AS next)
     SELECT
       coalesce((SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)::float8
                 FROM outbox o JOIN event e ON e.pk = o.event_pk ORDER BY o.event_pk LIMIT 1), 0) AS unpublished,
       coalesce((SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)::float8
                 FROM outbox_numbered n JOIN event e ON e.pk = n.event_pk, sealed_to
                 WHERE n.producer = $1 AND n.seq = sealed_to.next), 0) AS unsealed`,
    [producer],
  )
  const [ages] = rows
  return { unpublishedSeconds: ages!.unpublished, unsealedSeconds: Math.max(ages!.unsealed, ages!.unpublished) }
}
