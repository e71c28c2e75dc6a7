// Writes a planned recovery: events, numbers, lost leaves, and the incarnation that goes on. All in the caller's
// transaction, so a copy is either as it was restored or recovered as a whole.
import { parseEventBody, type EventBody } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import { ensureRelayHead } from '../numbering.js'
import type { Queryable } from '../transaction.js'
import type { RecoveredLeaf, WaitingEvent } from './plan-recovery.js'

/** An event that came back from the broker: its public body alone. `streamVersion` is its place in the copy's stream. */
export type RestoredEvent = { event: EventBody; streamId: string; streamVersion: number }

export type RestoreOptions = {
  producer: string
  origin: string
  /** Which stream an event belongs to; events of a stream of their own may have any. */
  streamOf: (event: EventBody) => string
}

const ROWS_PER_STATEMENT = 5_000

/** Events that have no number yet. */
export async function waitingEvents(sql: Queryable): Promise<WaitingEvent[]> {
  const { rows } = await sql.query<WaitingEvent>(
    `SELECT event_pk AS "eventPk", encode(tag, 'hex') AS tag, encode(commitment, 'hex') AS commitment FROM outbox`,
  )
  return rows
}

/** The last number whose leaf this copy can tell, lost ones among them; 0 for a producer that it has not met. */
export async function lastKnownSeq(sql: Queryable, producer: string): Promise<number> {
  const { rows } = await sql.query<{ seq: string }>(
    `SELECT greatest((SELECT max(seq) FROM outbox_numbered WHERE producer = $1),
                     (SELECT max(seq) FROM lost_leaf WHERE producer = $1), 0) AS seq`,
    [producer],
  )
  return Number(rows[0]!.seq)
}

/** Takes the leaves up, in order. Answers the events that came back from the broker, for the read models. */
export async function restoreChain(
  sql: ClientBase,
  leaves: readonly RecoveredLeaf[],
  options: RestoreOptions,
): Promise<RestoredEvent[]> {
  const { producer, origin } = options
  await ensureRelayHead(sql, producer, origin)
  await sql.query('SELECT FROM relay_head WHERE producer = $1 FOR UPDATE', [producer])
  const restored: RestoredEvent[] = []
  for (let at = 0; at < leaves.length; at += ROWS_PER_STATEMENT) {
    restored.push(...(await restorePage(sql, leaves.slice(at, at + ROWS_PER_STATEMENT), options)))
  }
  const last = leaves.at(-1)
  if (last) {
    const values = [producer, last.seq, Buffer.from(last.link)]
    await sql.query('UPDATE relay_head SET last_seq = $2, last_link = $3 WHERE producer = $1', values)
  }
  return restored
}

/** Makes the copy go on under another name, from this transaction's COMMIT on. Seals are followed from where `of` is. */
export async function beginIncarnation(
  sql: ClientBase,
  next: { producer: string; number: number; origin: string; of: string },
): Promise<void> {
  await sql.query('INSERT INTO incarnation (producer, number) VALUES ($1, $2)', [next.producer, next.number])
  await ensureRelayHead(sql, next.producer, next.origin)
  await sql.query(
    `INSERT INTO seal_cursor (producer, height, header_hash, next_index)
     SELECT $1, height, header_hash, next_index FROM seal_cursor WHERE producer = $2 ON CONFLICT DO NOTHING`,
    [next.producer, next.of],
  )
}

async function restorePage(
  sql: ClientBase,
  leaves: readonly RecoveredLeaf[],
  options: RestoreOptions,
): Promise<RestoredEvent[]> {
  const published = leaves.filter((leaf) => leaf.source === 'broker')
  const events = published.map(({ body }) => ({ body, event: parseEventBody(body) }))
  const restored = await insertEvents(sql, events, options)
  const pkOf = new Map(published.map(({ seq }, place) => [seq, restored[place]!.pk]))
  const numbered = leaves.flatMap((leaf) => {
    if (leaf.source === 'lost') return []
    return [{ ...leaf, eventPk: leaf.source === 'copy' ? leaf.eventPk : pkOf.get(leaf.seq)! }]
  })
  await insertNumbered(sql, options.producer, numbered)
  await insertLost(
    sql,
    options.producer,
    leaves.filter(({ source }) => source === 'lost'),
  )
  return restored
}

type Body = { body: Uint8Array; event: EventBody }

// Streams are counted on from what the copy holds: where events of a stream are lost, the later ones move up.
async function insertEvents(sql: ClientBase, bodies: readonly Body[], { streamOf }: RestoreOptions) {
  const streamIds = bodies.map(({ event }) => streamOf(event))
  const nextVersion = await moveStreams(sql, streamIds)
  const restored = bodies.map(({ event }, place) => {
    const streamId = streamIds[place]!
    return { event, streamId, streamVersion: nextVersion(streamId) }
  })
  const { rows } = await sql.query<{ pk: string; event_id: string }>(
    `INSERT INTO event (event_id, stream_id, stream_version, event_type, schema_version, body)
     SELECT id, stream, version, type, schema, body FROM unnest(
       $1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::smallint[], $6::bytea[]
     ) WITH ORDINALITY AS t (id, stream, version, type, schema, body, place) ORDER BY place RETURNING pk, event_id`,
    [
      restored.map(({ event }) => event.id),
      streamIds,
      restored.map(({ streamVersion }) => streamVersion),
      restored.map(({ event }) => event.type),
      restored.map(({ event }) => event.schemaVersion),
      bodies.map(({ body }) => Buffer.from(body)),
    ],
  )
  const pkOf = new Map(rows.map((row) => [row.event_id, row.pk]))
  return restored.map((one) => ({ ...one, pk: pkOf.get(one.event.id)! }))
}

async function moveStreams(sql: ClientBase, streamIds: readonly string[]): Promise<(streamId: string) => number> {
  const counts = [...Map.groupBy(streamIds, (id) => id)].map(([id, own]) => ({ id, n: own.length }))
  const { rows } = await sql.query<{ stream_id: string; version: string }>(
    `INSERT INTO stream AS s (stream_id, version)
     SELECT id, n FROM unnest($1::text[], $2::bigint[]) AS t (id, n) ORDER BY id COLLATE "C"
     ON CONFLICT (stream_id) DO UPDATE SET version = s.version + excluded.version RETURNING stream_id, version`,
    [counts.map(({ id }) => id), counts.map(({ n }) => n)],
  )
  const counted = new Map(counts.map(({ id, n }) => [id, n]))
  const last = new Map(rows.map((row) => [row.stream_id, Number(row.version) - counted.get(row.stream_id)!]))
  return (streamId) => {
    const next = last.get(streamId)! + 1
    last.set(streamId, next)
    return next
  }
}

async function insertNumbered(
  sql: ClientBase,
  producer: string,
  rows: readonly (RecoveredLeaf & { eventPk: string })[],
): Promise<void> {
  const pks = rows.map(({ eventPk }) => eventPk)
  await sql.query('DELETE FROM outbox WHERE event_pk = ANY ($1::bigint[])', [pks])
  await sql.query(
    `INSERT INTO outbox_numbered (producer, seq, tag, commitment, leaf_hash, link, event_pk)
     SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[])`,
    [producer, ...chainColumns(rows), pks],
  )
}

async function insertLost(sql: ClientBase, producer: string, rows: readonly RecoveredLeaf[]): Promise<void> {
  await sql.query(
    `INSERT INTO lost_leaf (producer, seq, tag, commitment, leaf_hash, link, leaf_index, height)
     SELECT $1, * FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bigint[], $8::bigint[])`,
    [producer, ...chainColumns(rows), rows.map(({ leafIndex }) => leafIndex), rows.map(({ height }) => height)],
  )
}

function chainColumns(rows: readonly RecoveredLeaf[]): unknown[] {
  return [
    rows.map(({ seq }) => seq),
    rows.map(({ tag }) => Buffer.from(tag, 'hex')),
    rows.map(({ commitment }) => Buffer.from(commitment, 'hex')),
    rows.map(({ leafHash }) => Buffer.from(leafHash)),
    rows.map(({ link }) => Buffer.from(link)),
  ]
}
