// The statements that store versions: one per table, whatever the number of versions.
import type { ClientBase } from 'pg'
import { VERSION_SCHEMA } from './version-vault.js'

/** Everything that the rows of one version need. */
export type VersionRow = {
  type: string
  id: string
  versionNo: number
  versionId: string
  interaction: 'create' | 'update' | 'delete'
  subjectId: string
  patientIds: string[]
  eventId: string
  recordedAt: Date
  /** Absent for a deletion; without key and ciphertext where the content was lost with the database. */
  sealed?: { keyId: string | null; ciphertext: Uint8Array | null; fieldRoot: Uint8Array }
  /** The blind index entries by patient; none for a deletion. */
  tokens: { patientId: string; mac: Buffer }[]
}

/** Inserts the versions and moves the resources' heads; events and locks come before. */
export async function writeVersions(sql: ClientBase, rows: readonly VersionRow[]): Promise<void> {
  const fresh = rows.filter((row) => row.interaction === 'create')
  const later = rows.filter((row) => row.interaction !== 'create')
  const ordinals = await insertResources(sql, fresh)
  for (const [key, ordinal] of await moveResources(sql, later)) ordinals.set(key, ordinal)
  await insertVersions(sql, rows)
  await clearIndexes(sql, later)
  await insertIndexes(sql, rows, ordinals)
}

const keyOf = (row: { type: string; id: string }): string => `${row.type}/${row.id}`

// Arrays inside of arrays cannot be unnested to one row each, so the patients travel as one text per row.
const patients = (row: VersionRow): string => `{${row.patientIds.join(',')}}`

async function insertResources(sql: ClientBase, rows: readonly VersionRow[]): Promise<Map<string, string>> {
  if (rows.length === 0) return new Map()
  const inserted = await sql.query<{ type: string; id: string; ordinal: string }>({
    name: 'records-insert-resources',
    text: `INSERT INTO resource (type, id, version_id, version_no, patient_ids)
           SELECT type, id, version_id, 1, patients::uuid[] FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::text[])
             WITH ORDINALITY AS t (type, id, version_id, patients, place) ORDER BY place
           RETURNING type, id, ordinal`,
    values: [
      rows.map((row) => row.type),
      rows.map((row) => row.id),
      rows.map((row) => row.versionId),
      rows.map(patients),
    ],
  })
  return new Map(inserted.rows.map((row) => [keyOf(row), row.ordinal]))
}

async function moveResources(sql: ClientBase, rows: readonly VersionRow[]): Promise<Map<string, string>> {
  if (rows.length === 0) return new Map()
  const moved = await sql.query<{ type: string; id: string; ordinal: string }>({
    name: 'records-move-resources',
    text: `UPDATE resource r SET version_id = t.version_id, version_no = t.version_no, deleted = t.deleted,
             patient_ids = t.patients::uuid[]
           FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::int[], $5::boolean[], $6::text[])
             AS t (type, id, version_id, version_no, deleted, patients)
           WHERE r.type = t.type AND r.id = t.id RETURNING r.type, r.id, r.ordinal`,
    values: [
      rows.map((row) => row.type),
      rows.map((row) => row.id),
      rows.map((row) => row.versionId),
      rows.map((row) => row.versionNo),
      rows.map((row) => row.interaction === 'delete'),
      rows.map(patients),
    ],
  })
  return new Map(moved.rows.map((row) => [keyOf(row), row.ordinal]))
}

async function insertVersions(sql: ClientBase, rows: readonly VersionRow[]): Promise<void> {
  await sql.query({
    name: 'records-insert-versions',
    text: `INSERT INTO version (type, id, version_no, version_id, interaction, subject_id, key_id, schema_version,
             ciphertext, field_root, patient_ids, event_id, recorded_at)
           SELECT type, id, no, version_id, interaction, subject, key, ${VERSION_SCHEMA}, ciphertext, root,
             patients::uuid[], event, at
           FROM unnest($1::text[], $2::uuid[], $3::int[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::bytea[],
             $9::bytea[], $10::text[], $11::uuid[], $12::timestamptz[])
             AS t (type, id, no, version_id, interaction, subject, key, ciphertext, root, patients, event, at)`,
    values: [
      rows.map((row) => row.type),
      rows.map((row) => row.id),
      rows.map((row) => row.versionNo),
      rows.map((row) => row.versionId),
      rows.map((row) => row.interaction),
      rows.map((row) => row.subjectId),
      rows.map((row) => row.sealed?.keyId ?? null),
      rows.map((row) => bytes(row.sealed?.ciphertext)),
      rows.map((row) => bytes(row.sealed?.fieldRoot)),
      rows.map(patients),
      rows.map((row) => row.eventId),
      rows.map((row) => row.recordedAt),
    ],
  })
}

// A deleted resource leaves the indexes: what concerns nobody any more is found by nobody.
async function clearIndexes(sql: ClientBase, rows: readonly VersionRow[]): Promise<void> {
  if (rows.length === 0) return
  const values = [rows.map((row) => row.type), rows.map((row) => row.id)]
  for (const table of ['patient_resource', 'token']) {
    await sql.query(`DELETE FROM ${table} WHERE (type, id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))`, values)
  }
}

async function insertIndexes(
  sql: ClientBase,
  rows: readonly VersionRow[],
  ordinals: ReadonlyMap<string, string>,
): Promise<void> {
  const living = rows.filter((row) => row.interaction !== 'delete')
  const owned = living.flatMap((row) => row.patientIds.map((patientId) => ({ ...row, patientId })))
  if (owned.length > 0) await insertPatientResources(sql, owned, ordinals)
  const tokens = living.flatMap((row) => row.tokens.map((token) => ({ ...token, type: row.type, id: row.id })))
  if (tokens.length > 0) await insertTokens(sql, tokens)
}

async function insertPatientResources(
  sql: ClientBase,
  rows: readonly { patientId: string; type: string; id: string }[],
  ordinals: ReadonlyMap<string, string>,
): Promise<void> {
  await sql.query({
    name: 'records-insert-patient-resources',
    text: `INSERT INTO patient_resource (patient_id, type, ordinal, id)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::uuid[])`,
    values: [
      rows.map((row) => row.patientId),
      rows.map((row) => row.type),
      rows.map((row) => ordinals.get(keyOf(row))),
      rows.map((row) => row.id),
    ],
  })
}

async function insertTokens(
  sql: ClientBase,
  rows: readonly { patientId: string; mac: Buffer; type: string; id: string }[],
): Promise<void> {
  await sql.query({
    name: 'records-insert-tokens',
    text: `INSERT INTO token (patient_id, mac, type, id)
           SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::text[], $4::uuid[]) ON CONFLICT DO NOTHING`,
    values: [
      rows.map((row) => row.patientId),
      rows.map((row) => row.mac),
      rows.map((row) => row.type),
      rows.map((row) => row.id),
    ],
  })
}

function bytes(value: Uint8Array | null | undefined): Buffer | null {
  return value ? Buffer.from(value.buffer, value.byteOffset, value.length) : null
}
