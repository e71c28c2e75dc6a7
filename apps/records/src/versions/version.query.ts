// Reads of resources and versions. Nothing here decides who may see them.
import type { EventBody } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import type { ResourceHead, StoredVersion } from './version.js'

export type Reference = { type: string; id: string }

type HeadRow = {
  type: string
  id: string
  ordinal: string
  version_id: string
  version_no: number
  deleted: boolean
  patient_ids: string[]
}

const HEAD = 'r.type, r.id, r.ordinal, r.version_id, r.version_no, r.deleted, r.patient_ids'

/** The present state of each resource that exists, by `Type/id`. With `lock`, the rows are locked in ascending order. */
export async function headsOf(
  sql: Pick<ClientBase, 'query'>,
  references: readonly Reference[],
  options: { lock?: boolean } = {},
): Promise<Map<string, ResourceHead>> {
  if (references.length === 0) return new Map()
  const { rows } = await sql.query<HeadRow>(
    `SELECT ${HEAD} FROM resource r
     WHERE (r.type, r.id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
     ORDER BY r.type, r.id ${options.lock ? 'FOR UPDATE' : ''}`,
    [references.map((one) => one.type), references.map((one) => one.id)],
  )
  return new Map(rows.map((row) => [`${row.type}/${row.id}`, headOf(row)]))
}

/** Which member wrote the present version, by `Type/id`; absent where its event was lost, or names none. */
export async function writersOf(
  sql: Pick<ClientBase, 'query'>,
  references: readonly Reference[],
): Promise<Map<string, string>> {
  const { rows } = await sql.query<{ name: string; body: Buffer }>(
    `SELECT r.type || '/' || r.id AS name, e.body FROM resource r JOIN version v USING (version_id)
     JOIN event e USING (event_id) WHERE (r.type, r.id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))`,
    [references.map((one) => one.type), references.map((one) => one.id)],
  )
  return new Map(rows.flatMap(({ name, body }) => memberOf(body).map((memberId): [string, string] => [name, memberId])))
}

function memberOf(body: Buffer): string[] {
  if (body.length === 0) return []
  const { data } = JSON.parse(body.toString('utf8')) as EventBody<'RecordVersionAdded' | 'RecordDeleted'>
  return data.memberId === undefined ? [] : [data.memberId]
}

/** Which of these patients exist and are not deleted. */
export async function existingPatients(sql: Pick<ClientBase, 'query'>, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const { rows } = await sql.query<{ id: string }>(
    `SELECT id FROM resource WHERE type = 'Patient' AND id = ANY ($1::uuid[]) AND NOT deleted`,
    [ids],
  )
  return new Set(rows.map((row) => row.id))
}

type VersionRow = {
  type: string
  id: string
  version_no: number
  version_id: string
  interaction: StoredVersion['interaction']
  subject_id: string
  key_id: string | null
  schema_version: number
  ciphertext: Buffer | null
  patient_ids: string[]
  event_id: string
  recorded_at: Date
}

const VERSION = `v.type, v.id, v.version_no, v.version_id, v.interaction, v.subject_id, v.key_id, v.schema_version,
  v.ciphertext, v.patient_ids, v.event_id, v.recorded_at`

/** The present version of one resource. */
export async function currentVersionOf(
  sql: Pick<ClientBase, 'query'>,
  { type, id }: Reference,
): Promise<StoredVersion | undefined> {
  const { rows } = await sql.query<VersionRow>({
    name: 'careseal-current-version',
    text: `SELECT ${VERSION} FROM resource r JOIN version v USING (version_id) WHERE r.type = $1 AND r.id = $2`,
    values: [type, id],
  })
  return rows[0] && storedVersion(rows[0])
}

/** One version of one resource, by its version id. */
export async function versionOf(
  sql: Pick<ClientBase, 'query'>,
  { type, id, versionId }: Reference & { versionId: string },
): Promise<StoredVersion | undefined> {
  const { rows } = await sql.query<VersionRow>({
    name: 'careseal-version',
    text: `SELECT ${VERSION} FROM version v WHERE v.type = $1 AND v.id = $2 AND v.version_id = $3`,
    values: [type, id, versionId],
  })
  return rows[0] && storedVersion(rows[0])
}

/**
 * The versions of a resource, newest first, those before `before` when that is given: `limit` of them and `bytesMax`
 * of content, whichever ends sooner, yet at least one. `more` tells that older ones are left.
 */
export async function historyOf(
  sql: Pick<ClientBase, 'query'>,
  reference: Reference,
  page: { before: number | undefined; limit: number; bytesMax: number },
): Promise<{ versions: StoredVersion[]; more: boolean }> {
  // Lengths are known without the content, which is read of those that are kept alone.
  const { rows } = await sql.query<VersionRow & { listed: number }>(
    `WITH listed AS (
       SELECT version_id, row_number() OVER newest AS place,
         sum(octet_length(coalesce(ciphertext, ''))) OVER newest AS bytes
       FROM version WHERE type = $1 AND id = $2 AND version_no < $3
       WINDOW newest AS (ORDER BY version_no DESC) ORDER BY version_no DESC LIMIT $4 + 1)
     SELECT ${VERSION}, (SELECT count(*)::int FROM listed) AS listed FROM listed JOIN version v USING (version_id)
     WHERE place <= $4 AND (place = 1 OR bytes <= $5) ORDER BY place`,
    [reference.type, reference.id, page.before ?? 2_147_483_647, page.limit, page.bytesMax],
  )
  return { versions: rows.map(storedVersion), more: (rows[0]?.listed ?? 0) > rows.length }
}

/** Everybody who must permit the reading of a resource's history, and how many versions there are. */
export async function historyFacts(
  sql: Pick<ClientBase, 'query'>,
  reference: Reference,
): Promise<{ patientIds: string[]; count: number }> {
  const { rows } = await sql.query<{ patient_ids: string[]; count: string }>(
    `SELECT count(DISTINCT v.version_no) AS count,
            coalesce(array_agg(DISTINCT p) FILTER (WHERE p IS NOT NULL), '{}') AS patient_ids
     FROM version v LEFT JOIN LATERAL unnest(v.patient_ids) AS p ON true WHERE v.type = $1 AND v.id = $2`,
    [reference.type, reference.id],
  )
  return { patientIds: rows[0]?.patient_ids ?? [], count: Number(rows[0]?.count ?? 0) }
}

/** The present versions of many resources, in the order given. */
export async function currentVersions(
  sql: Pick<ClientBase, 'query'>,
  versionIds: readonly string[],
): Promise<StoredVersion[]> {
  if (versionIds.length === 0) return []
  const { rows } = await sql.query<VersionRow>(
    `SELECT ${VERSION} FROM unnest($1::uuid[]) WITH ORDINALITY AS t (version_id, place)
     JOIN version v USING (version_id) ORDER BY t.place`,
    [versionIds],
  )
  return rows.map(storedVersion)
}

export function headOf(row: HeadRow): ResourceHead {
  return {
    type: row.type,
    id: row.id,
    ordinal: row.ordinal,
    versionId: row.version_id,
    versionNo: row.version_no,
    deleted: row.deleted,
    patientIds: row.patient_ids,
  }
}

function storedVersion(row: VersionRow): StoredVersion {
  return {
    type: row.type,
    id: row.id,
    versionNo: row.version_no,
    versionId: row.version_id,
    interaction: row.interaction,
    subjectId: row.subject_id,
    keyId: row.key_id,
    schema: row.schema_version,
    ciphertext: row.ciphertext,
    patientIds: row.patient_ids,
    eventId: row.event_id,
    recordedAt: row.recorded_at,
  }
}
