// The statements of an append: one per table, whatever the number of events. Lock order: (subjects, by the caller)
// streams, then tag counters, each ascending.
import type { SubjectKey } from '@careseal/crypto'
import type { ClientBase } from 'pg'
import { VersionConflict, type NewEvent } from './event.js'

/** A stream's version before and after the append. */
type StreamVersion = { before: number; after: number }

/** One subject's counter before the append, and the transaction's time from which its month was taken. */
type TagRange = { before: number; month: string }

/** Everything about an event that its rows need. `pk` order is the order of `rows`. */
export type EventRow = {
  id: string
  streamId: string
  streamVersion: number
  type: string
  schemaVersion: number
  body: Uint8Array
  subjectId: string
  keyId: string
  ciphertext: Uint8Array | null
  opening: Uint8Array
  tag: Uint8Array
  commitment: Uint8Array
  traceparent: string | null
}

/** Locks the streams ascending, checks what was expected of them and moves their versions. Throws VersionConflict. */
export async function moveStreams(sql: ClientBase, events: readonly NewEvent[]): Promise<Map<string, StreamVersion>> {
  const counts = countBy(events, (event) => event.streamId)
  const { rows } = await sql.query<{ stream_id: string; version: string }>({
    name: 'careseal-move-streams',
    text: `INSERT INTO stream AS s (stream_id, version)
           SELECT id, n FROM unnest($1::text[], $2::bigint[]) AS t (id, n) ORDER BY id COLLATE "C"
           ON CONFLICT (stream_id) DO UPDATE SET version = s.version + excluded.version
           RETURNING stream_id, version`,
    values: [[...counts.keys()], [...counts.values()]],
  })
  const versions = new Map(rows.map((row) => [row.stream_id, moved(Number(row.version), counts.get(row.stream_id)!)]))
  await checkExpected(sql, events, versions)
  return versions
}

function moved(after: number, count: number): StreamVersion {
  return { before: after - count, after }
}

// Moves the versions back before it throws, so that an append refused is an append that never was, even where the
// caller goes on with the transaction.
async function checkExpected(
  sql: ClientBase,
  events: readonly NewEvent[],
  versions: Map<string, StreamVersion>,
): Promise<void> {
  const conflict = events.find(
    (event) => event.expectedVersion !== undefined && event.expectedVersion !== versions.get(event.streamId)!.before,
  )
  if (!conflict) return
  await sql.query(
    `UPDATE stream SET version = v FROM unnest($1::text[], $2::bigint[]) AS t (id, v) WHERE stream_id = id`,
    [[...versions.keys()], [...versions.values()].map((version) => version.before)],
  )
  throw new VersionConflict(conflict.streamId)
}

/** Moves the counters of (subject, month, key); the month is that of the database's transaction time, in UTC. */
export async function moveTagCounters(
  sql: ClientBase,
  subjectIds: readonly string[],
  keys: ReadonlyMap<string, SubjectKey>,
): Promise<{ time: string; ranges: Map<string, TagRange> }> {
  const counts = countBy(subjectIds, (subjectId) => subjectId)
  const { rows } = await sql.query<{ subject_id: string; month: string; n: string; time: string }>({
    name: 'careseal-move-tag-counters',
    text: `INSERT INTO tag_counter AS c (subject_id, month, key_id, n)
           SELECT id, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM'), key, n
           FROM unnest($1::text[], $2::uuid[], $3::bigint[]) AS t (id, key, n) ORDER BY id COLLATE "C"
           ON CONFLICT (subject_id, month, key_id) DO UPDATE SET n = c.n + excluded.n
           RETURNING subject_id, month, n, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS time`,
    values: [[...counts.keys()], [...counts.keys()].map((id) => keys.get(id)!.keyId), [...counts.values()]],
  })
  const ranges = rows.map((row): [string, TagRange] => {
    return [row.subject_id, { before: Number(row.n) - counts.get(row.subject_id)!, month: row.month }]
  })
  return { time: rows[0]!.time, ranges: new Map(ranges) }
}

/** Inserts event, private part and outbox row of each; event keys are drawn in the order of `rows`. */
export async function insertEvents(sql: ClientBase, rows: readonly EventRow[]): Promise<void> {
  const inserted = await sql.query<{ pk: string; event_id: string }>({
    name: 'careseal-insert-events',
    text: `INSERT INTO event (event_id, stream_id, stream_version, event_type, schema_version, body)
           SELECT id, stream, version, type, schema, body FROM unnest(
             $1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::smallint[], $6::bytea[]
           ) WITH ORDINALITY AS t (id, stream, version, type, schema, body, place) ORDER BY place
           RETURNING pk, event_id`,
    values: [
      column(rows, 'id'),
      column(rows, 'streamId'),
      column(rows, 'streamVersion'),
      column(rows, 'type'),
      column(rows, 'schemaVersion'),
      column(rows, 'body'),
    ],
  })
  const pkOf = new Map(inserted.rows.map((row) => [row.event_id, row.pk]))
  const pks = rows.map((row) => pkOf.get(row.id)!)
  await insertPrivate(sql, pks, rows)
  await insertOutbox(sql, pks, rows)
}

async function insertPrivate(sql: ClientBase, pks: string[], rows: readonly EventRow[]): Promise<void> {
  await sql.query({
    name: 'careseal-insert-event-private',
    text: `INSERT INTO event_private (event_pk, subject_id, key_id, ciphertext, opening)
           SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::bytea[], $5::bytea[])`,
    values: [
      pks,
      column(rows, 'subjectId'),
      column(rows, 'keyId'),
      column(rows, 'ciphertext'),
      column(rows, 'opening'),
    ],
  })
}

async function insertOutbox(sql: ClientBase, pks: string[], rows: readonly EventRow[]): Promise<void> {
  await sql.query({
    name: 'careseal-insert-outbox',
    text: `INSERT INTO outbox (event_pk, tag, commitment, traceparent)
           SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[])`,
    values: [pks, column(rows, 'tag'), column(rows, 'commitment'), column(rows, 'traceparent')],
  })
}

/** How often each key occurs, in ascending order of the keys. */
function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function column<R extends object, K extends keyof R>(rows: readonly R[], name: K): unknown[] {
  return rows.map((row) => {
    const value: unknown = row[name]
    return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value
  })
}
