// Every stored version of a record or a consent opens under its subject's key and holds the fields that its event
// committed to.
import type { ClientBase } from 'pg'
import { fieldRootOf } from './naive-fields.js'
import { openRow, saltsOf, type OpenedKey } from './naive-seal.js'
import { pages, scalar } from './pages.js'
import { Check, type Progress } from './report.js'
import type { KeysById, ServiceKeys } from './service-keys.js'

type VersionRow = {
  version_id: string
  type: string
  id: string
  key_id: string | null
  schema_version: number
  ciphertext: Buffer | null
  /** As a row of records keeps it beside the ciphertext; null for a deletion, and for a consent. */
  field_root: Buffer | null
  is_deletion: boolean
  body: Buffer | null
}

export type VersionsPassInput = {
  sql: ClientBase
  service: string
  keys: ServiceKeys
  origin: string
  progress: Progress
}

type Source = { name: string; table: string; columns: string; event: string }

const SOURCES: Record<string, Source> = {
  records: {
    name: 'each record version opens and is what its event committed to',
    table: 'version',
    columns: `v.type, v.id, v.schema_version, v.ciphertext, v.field_root, v.field_root IS NULL AS is_deletion`,
    event: 'e.event_id = v.event_id',
  },
  consent: {
    name: 'each consent version opens and is what its event committed to',
    table: 'consent_version',
    columns: `'Consent' AS type, v.consent_id AS id, 1 AS schema_version, v.sealed AS ciphertext, NULL AS field_root,
              false AS is_deletion`,
    event: `e.stream_id = 'consent-' || v.consent_id AND e.stream_version = v.ordinal`,
  },
}

const VERSIONS_PER_PAGE = 500

/** The check of a service that keeps versions; none for the others. */
export async function versionsPass(input: VersionsPassInput): Promise<Check[]> {
  const source = SOURCES[input.service]
  if (!source) return []
  const check = new Check(source.name, ['I1', 'I15', 'I16'])
  if (input.service === 'records') await resourcesPointToTheirLastVersion(input.sql, check)
  const total = await scalar(input.sql, `SELECT count(*) AS value FROM ${source.table}`)
  for await (const page of versionPages(input.sql, source)) {
    const keys = await input.keys.load(page.flatMap(({ key_id: keyId }) => keyId ?? []))
    for (const row of page) expectVersion(row, { keys, origin: input.origin, check })
    input.progress({ check: input.service, done: check.checked, total })
  }
  return [check]
}

function versionPages(sql: ClientBase, { table, columns, event }: Source): AsyncGenerator<VersionRow[]> {
  return pages<VersionRow>(sql, {
    text: `SELECT v.version_id, v.key_id, ${columns}, e.body FROM ${table} v LEFT JOIN event e ON ${event}
           WHERE v.version_id > $1 ORDER BY v.version_id LIMIT ${VERSIONS_PER_PAGE}`,
    after: '00000000-0000-0000-0000-000000000000',
    nextAfter: (last) => last.version_id,
  })
}

type Context = { keys: KeysById; origin: string; check: Check }

function expectVersion(row: VersionRow, context: Context): void {
  context.check.checked += 1
  const fault = faultOf(row, context)
  const where = `${row.type}/${row.id}/_history/${row.version_id}`
  context.check.expect(fault === undefined, () => ({ invariant: 'I1', what: fault as string, where }))
}

type AddingEvent = { content?: string; data: { versionId?: string; id?: string; consentId?: string } }

function faultOf(row: VersionRow, { keys, origin }: Context): string | undefined {
  if (row.body === null) return 'no event added it'
  const { content, data } = JSON.parse(row.body.toString('utf8')) as AddingEvent
  if (data.versionId !== row.version_id || (data.id ?? data.consentId) !== row.id)
    return 'its event is of another version'
  if (row.is_deletion) return row.ciphertext === null ? undefined : 'a deletion holds a resource'
  const key = row.key_id === null ? undefined : keys.get(row.key_id)
  if (key === undefined || row.ciphertext === null) return undefined // erased: nothing is left to open
  const root = key && rootOf(row, { key, origin, ciphertext: row.ciphertext })
  if (!root) return 'its ciphertext does not open in this place'
  if (row.field_root && !root.equals(row.field_root)) return 'its fields do not have the field root beside it'
  return root.toString('hex') === content ? undefined : 'its fields are not what its event committed to'
}

function rootOf(
  { type, id, version_id: version, schema_version: schema }: VersionRow,
  { key, origin, ciphertext }: { key: OpenedKey; origin: string; ciphertext: Buffer },
): Buffer | null {
  const bytes = openRow(key, [type, id, version], { place: { origin, type, id, version, schema }, sealed: ciphertext })
  return bytes && fieldRootOf(JSON.parse(bytes.toString('utf8')), saltsOf(key.key, type, id, version))
}

async function resourcesPointToTheirLastVersion(sql: ClientBase, check: Check): Promise<void> {
  const { rows } = await sql.query<{ type: string; id: string }>(
    `SELECT r.type, r.id FROM resource r LEFT JOIN version v ON v.type = r.type AND v.id = r.id
     GROUP BY r.type, r.id, r.version_no
     HAVING count(v.version_id) <> r.version_no OR max(v.version_no) IS DISTINCT FROM r.version_no LIMIT 20`,
  )
  for (const { type, id } of rows) {
    const where = `${type}/${id}`
    check.expect(false, () => ({ invariant: 'I1', what: 'its versions have a gap or are not its last', where }))
  }
}
