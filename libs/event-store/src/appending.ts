// What an append asks of the database and what it writes there: one statement each, whatever the number of events. Lock
// order: (subjects, by the caller) streams, then tag counters, each ascending.
import type { SubjectKey } from '@careseal/crypto'
import type { ClientBase } from 'pg'
import { byteaArray } from './binary-array.js'
import { VersionConflict, type NewEvent } from './event.js'

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

/** Where an append begins: the transaction's time in UTC, versions of streams and counters of subjects before it. */
export type AppendStart = { time: string; versions: Map<string, number>; counters: Map<string, number> }

type StartRow = { moved: boolean; appended_at: string; versions: string[]; counters: string[] | null }

/**
 * Locks streams and counters, and moves both by what is to be appended. Counters are of (subject, month, key); the month
 * is that of `time`. Throws VersionConflict, and then nothing has moved.
 */
export async function beginAppend(
  sql: ClientBase,
  events: readonly NewEvent[],
  subjects: { ids: readonly string[]; keys: ReadonlyMap<string, SubjectKey> },
): Promise<AppendStart> {
  const streams = countBy(events, (event) => event.streamId)
  const tags = countBy(subjects.ids, (subjectId) => subjectId)
  const streamIds = [...streams.keys()]
  const subjectIds = [...tags.keys()]
  const keyIds = subjectIds.map((subjectId) => subjects.keys.get(subjectId)!.keyId)
  const { rows } = await sql.query<StartRow>({
    name: 'careseal-begin-append',
    text: `SELECT moved, appended_at, versions, counters
           FROM begin_append($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::uuid[], $6::bigint[])`,
    values: [streamIds, [...streams.values()], expectedOf(events, streamIds), subjectIds, keyIds, [...tags.values()]],
  })
  const { moved, appended_at: time, versions, counters } = rows[0]!
  const versionOf = new Map(streamIds.map((streamId, place) => [streamId, Number(versions[place])]))
  if (!moved) throw new VersionConflict(conflictIn(events, versionOf))
  const counterOf = new Map(subjectIds.map((subjectId, place) => [subjectId, Number(counters![place])]))
  return { time, versions: versionOf, counters: counterOf }
}

/** What may be expected of no stream, so that an append which expects two versions of one stream conflicts. */
const NO_VERSION = -1

function expectedOf(events: readonly NewEvent[], streamIds: readonly string[]): (number | null)[] {
  const expected = new Map<string, number>()
  for (const { streamId, expectedVersion } of events) {
    if (expectedVersion === undefined) continue
    const isSame = (expected.get(streamId) ?? expectedVersion) === expectedVersion
    expected.set(streamId, isSame ? expectedVersion : NO_VERSION)
  }
  return streamIds.map((streamId) => expected.get(streamId) ?? null)
}

function conflictIn(events: readonly NewEvent[], versions: ReadonlyMap<string, number>): string {
  const isConflict = ({ streamId, expectedVersion }: NewEvent) =>
    expectedVersion !== undefined && expectedVersion !== versions.get(streamId)
  return events.find(isConflict)!.streamId
}

/** Inserts event, private part and outbox row of each; event keys are drawn in the order of `rows`. */
export async function addEvents(sql: ClientBase, rows: readonly EventRow[]): Promise<void> {
  await sql.query({
    name: 'careseal-add-events',
    text: `SELECT add_events($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::smallint[], $6::bytea[], $7::text[],
                             $8::uuid[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::text[])`,
    values: [
      rows.map((row) => row.id),
      rows.map((row) => row.streamId),
      rows.map((row) => row.streamVersion),
      rows.map((row) => row.type),
      rows.map((row) => row.schemaVersion),
      byteaArray(rows.map((row) => row.body)),
      rows.map((row) => row.subjectId),
      rows.map((row) => row.keyId),
      byteaArray(rows.map((row) => row.ciphertext)),
      byteaArray(rows.map((row) => row.opening)),
      byteaArray(rows.map((row) => row.tag)),
      byteaArray(rows.map((row) => row.commitment)),
      rows.map((row) => row.traceparent),
    ],
  })
}

/** How often each key occurs, in ascending order of the keys. */
function countBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
