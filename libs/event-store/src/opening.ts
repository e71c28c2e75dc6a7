// Opens events for whoever may have them: receipts, open-leaf, a service's own read model.
import type { SubjectKey } from '@careseal/crypto'
import type { ClientBase } from 'pg'
import type { AcquireKeyVersions, OpenedEvent, OpenRejection } from './event.js'
import { openPart, readPrivate } from './private-part.js'
import { storedEvent, type StoredRow } from './stored-event.js'

export type OpeningOptions = { origin: string; acquireKeyVersions: AcquireKeyVersions }

type PrivateColumns = { subject_id: string; key_id: string; ciphertext: Buffer | null; opening: Buffer }
type OpenableRow = StoredRow & { schema_version: number } & (PrivateColumns | { [K in keyof PrivateColumns]: null })

/** Opens each event; what is erased says so. Throws SealBroken when a row was altered or swapped. */
export async function openEvents(
  sql: ClientBase,
  eventIds: readonly string[],
  options: OpeningOptions,
): Promise<Map<string, OpenedEvent | OpenRejection>> {
  const keys = await options.acquireKeyVersions(sql, await keyIdsOf(sql, eventIds))
  // Read after the locks: an erasure that came first has already deleted what must not be opened.
  const rows = new Map((await openableRows(sql, eventIds)).map((row) => [row.event_id, row]))
  return new Map(eventIds.map((eventId) => [eventId, openRow(rows.get(eventId), keys, options.origin)]))
}

function openRow(
  row: OpenableRow | undefined,
  keys: Map<string, SubjectKey>,
  origin: string,
): OpenedEvent | OpenRejection {
  if (!row) return { rejected: 'unknown-event' }
  const key = row.key_id === null ? undefined : keys.get(row.key_id)
  if (!key || row.opening === null) return { rejected: 'opening-destroyed' }
  const place = { origin, type: row.event_type, id: row.event_id, schema: row.schema_version }
  return {
    ...storedEvent(row),
    subjectId: row.subject_id,
    opening: openPart(key, { ...place, part: 'opening' }, row.opening),
    private: row.ciphertext && readPrivate(openPart(key, { ...place, part: 'private' }, row.ciphertext)).value,
  }
}

async function keyIdsOf(sql: ClientBase, eventIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql.query<{ key_id: string }>(
    `SELECT DISTINCT p.key_id FROM event e JOIN event_private p ON p.event_pk = e.pk
     WHERE e.event_id = ANY ($1::uuid[])`,
    [eventIds],
  )
  return rows.map((row) => row.key_id)
}

async function openableRows(sql: ClientBase, eventIds: readonly string[]): Promise<OpenableRow[]> {
  const { rows } = await sql.query<OpenableRow>(
    `SELECT e.event_id, e.stream_id, e.stream_version, e.event_type, e.schema_version, e.body,
            p.subject_id, p.key_id, p.ciphertext, p.opening
     FROM event e LEFT JOIN event_private p ON p.event_pk = e.pk WHERE e.event_id = ANY ($1::uuid[])`,
    [eventIds],
  )
  return rows
}
