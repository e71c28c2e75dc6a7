import type { ClientBase } from 'pg'
import { scalar } from './pages.js'
import { READ_MODEL_RULES, type Rule } from './read-models-rules.js'
import { Check } from './report.js'

const MOST_NAMED = 20

/** Runs the rules of all read models; leaves the connection's search path changed. */
export async function readModelsPass(sql: ClientBase): Promise<Check[]> {
  const checks: Check[] = []
  for (const rule of READ_MODEL_RULES) checks.push(await ruleCheck(sql, rule))
  checks.push(await accessLogCheck(sql))
  return checks
}

async function ruleCheck(sql: ClientBase, rule: Rule): Promise<Check> {
  const check = new Check(`${rule.schema}: ${rule.name}`, ['I20'])
  await sql.query(`SET search_path = ${rule.schema}, ${rule.schema}_keys`)
  check.checked = await scalar(sql, 'SELECT count(*) AS value FROM event')
  const { rows } = await sql.query<{ place: string }>(`SELECT place FROM (${rule.sql}) AS found LIMIT ${MOST_NAMED}`)
  for (const { place } of rows) check.expect(false, () => ({ invariant: 'I20', what: rule.what, where: place }))
  return check
}

// Only as far as audit has read, and only while nobody was erased: an erasure takes the way back to the event with it.
async function accessLogCheck(sql: ClientBase): Promise<Check> {
  const check = new Check('audit: every read of a patient is in the access log', ['I13', 'I20'])
  const erased = await scalar(sql, 'SELECT count(*) AS value FROM audit_keys.tombstone')
  if (erased > 0) return check
  const { rows } = await sql.query<{ event_id: string; is_shown: boolean }>(
    `SELECT e.event_id, d.event_id IS NOT NULL AS is_shown
     FROM records.event e JOIN records.outbox_numbered n ON n.event_pk = e.pk
     JOIN audit.projection_position p ON p.producer = n.producer AND p.projection = 'access-log' AND n.seq <= p.seq
     LEFT JOIN audit.access_detail d ON d.event_id = e.event_id
     WHERE e.event_type = 'RecordRead' AND (convert_from(e.body, 'UTF8')::jsonb -> 'data') ? 'patientId'`,
  )
  check.checked = rows.length
  for (const { event_id } of rows.filter((row) => !row.is_shown).slice(0, MOST_NAMED)) {
    check.expect(false, () => ({
      invariant: 'I13',
      what: 'it is not in the access log',
      where: `RecordRead ${event_id}`,
    }))
  }
  return check
}
