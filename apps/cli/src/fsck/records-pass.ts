// Every stored version opens under its subject's key and holds the fields that its event committed to.
import { deriveRecordKey, fieldSalts, open, rowAad, type JsonValue, type SubjectKey } from '@careseal/crypto'
import { parseEventBody, type EventBody } from '@careseal/contracts'
import type { SubjectKeys } from '@careseal/keys'
import type { ClientBase } from 'pg'
import { fieldRootOf } from './naive-fields.js'
import { pages, scalar } from './pages.js'
import { Check, type Progress } from './report.js'

type VersionRow = {
  version_id: string
  type: string
  id: string
  version_no: number
  key_id: string | null
  schema_version: number
  ciphertext: Buffer | null
  field_root: Buffer | null
  body: Buffer
}

export type RecordsPassInput = { sql: ClientBase; keys: SubjectKeys; origin: string; progress: Progress }

const VERSIONS_PER_PAGE = 500

export async function recordsPass(input: RecordsPassInput): Promise<Check> {
  const check = new Check('each record version opens and is what its event committed to', ['I1', 'I16'])
  await resourcesPointToTheirLastVersion(input.sql, check)
  const total = await scalar(input.sql, 'SELECT count(*) AS value FROM version')
  const versions = pages<VersionRow>(input.sql, {
    text: `SELECT v.version_id, v.type, v.id, v.version_no, v.key_id, v.schema_version, v.ciphertext, v.field_root, e.body
           FROM version v JOIN event e ON e.event_id = v.event_id
           WHERE v.version_id > $1 ORDER BY v.version_id LIMIT ${VERSIONS_PER_PAGE}`,
    after: '00000000-0000-0000-0000-000000000000',
    nextAfter: (last) => last.version_id,
  })
  for await (const page of versions) {
    const keyIds = page.flatMap((row) => (row.key_id === null ? [] : [row.key_id]))
    const keys = await input.keys.acquireVersions(input.sql, keyIds)
    for (const row of page) expectVersion(row, { keys, origin: input.origin, check })
    input.progress({ check: 'records', done: check.checked, total })
  }
  return check
}

type Context = { keys: Map<string, SubjectKey>; origin: string; check: Check }

function expectVersion(row: VersionRow, context: Context): void {
  context.check.checked += 1
  const fault = faultOf(row, context)
  const where = `${row.type}/${row.id}/_history/${row.version_id}`
  context.check.expect(fault === undefined, () => ({ invariant: 'I1', what: fault as string, where }))
}

function faultOf(row: VersionRow, { keys, origin }: Context): string | undefined {
  const event = parseEventBody(row.body) as EventBody<'RecordVersionAdded'>
  if (event.data.versionId !== row.version_id || event.data.id !== row.id) return 'its event is of another version'
  if (row.field_root === null) return row.ciphertext === null ? undefined : 'a deletion holds a resource'
  const key = row.key_id === null ? undefined : keys.get(row.key_id)
  if (!key || row.ciphertext === null) return undefined // erased: nothing is left to open
  const resource = opened(row, { key, origin, ciphertext: row.ciphertext })
  if (resource === undefined) return 'its ciphertext does not open in this place'
  const salts = fieldSalts(key.key, { type: row.type, id: row.id, version: row.version_id })
  const root = fieldRootOf(resource, salts)
  if (!root.equals(row.field_root)) return 'its fields do not have the field root beside it'
  return root.toString('hex') === event.content ? undefined : 'its fields are not what its event committed to'
}

function opened(
  row: VersionRow,
  { key, origin, ciphertext }: { key: SubjectKey; origin: string; ciphertext: Buffer },
): JsonValue | undefined {
  const place = { type: row.type, id: row.id, version: row.version_id }
  const aad = rowAad({ origin, keyId: key.keyId, ...place, schema: row.schema_version })
  try {
    const bytes = open({ key: deriveRecordKey(key, place), sealed: ciphertext, aad })
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as JsonValue
  } catch {
    return undefined
  }
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
