// Runs all rules over the rows of the services, and the one that needs two of them.
import type { ClientBase } from 'pg'
import { erasureRules } from './erasure-rules.js'
import { idempotencyRules } from './idempotency-rules.js'
import { scalar } from './pages.js'
import { READ_MODEL_RULES } from './read-models-rules.js'
import { Check } from './report.js'
import { ruleCheck, type Rule } from './rules.js'

/** The rules of one service. */
export function rulesOf(schema: string): Rule[] {
  const own = READ_MODEL_RULES.filter((rule) => rule.schema === schema)
  return [...own, ...idempotencyRules(schema), ...erasureRules(schema)]
}

/** `sql` finds the service's two schemas by its search path. */
export async function rulesPass(sql: ClientBase, schema: string): Promise<Check[]> {
  const checks: Check[] = []
  for (const rule of rulesOf(schema)) checks.push(await ruleCheck(sql, rule))
  return checks
}

// Only as far as audit has read, and only while nobody was erased: an erasure takes the way back to the event with it.
export async function accessLogCheck(sql: ClientBase): Promise<Check> {
  const check = new Check('audit: every read of a patient is in the access log', ['I13', 'I20'])
  const erased = await scalar(sql, 'SELECT count(*) AS value FROM audit_keys.tombstone')
  if (erased > 0) return check
  const { rows } = await sql.query<{ event_id: string; is_shown: boolean }>(
    `SELECT e.event_id, d.event_id IS NOT NULL AS is_shown
     FROM records.event e JOIN records.outbox_numbered n ON n.event_pk = e.pk
     JOIN (SELECT producer, min(seq) AS seq FROM audit.projection_position WHERE projection LIKE 'access%' GROUP BY 1) AS read
       ON read.producer = n.producer AND n.seq <= read.seq
     LEFT JOIN audit.access_detail d ON d.event_id = e.event_id
     WHERE e.event_type = 'RecordRead' AND (convert_from(e.body, 'UTF8')::jsonb -> 'data') ? 'patientId'`,
  )
  check.checked = rows.length
  for (const { event_id: eventId, is_shown: isShown } of rows) {
    const what = 'it is not in the access log'
    check.expect(isShown, () => ({ invariant: 'I13', what, where: `RecordRead ${eventId}` }))
  }
  return check
}
