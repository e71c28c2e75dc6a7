// Leaves whose events were lost when a database was rolled back: on the ledger, and said to be lost by their producer.
import type { ClientBase } from 'pg'
import { scalar } from './pages.js'
import { Check } from './report.js'

/** The check counts what is lost; it is broken only where an event is lost and there. */
export async function lostPass(sql: ClientBase, schema: string): Promise<Check> {
  const check = new Check(`${schema}: events that a recovery gave up are lost and not there`, ['I1', 'I21'])
  check.checked = await lostCount(sql, schema)
  const { rows } = await sql.query<{ producer: string; seq: string }>(
    `SELECT producer, seq FROM ${schema}.lost_leaf JOIN ${schema}.outbox_numbered USING (producer, seq) LIMIT 20`,
  )
  for (const { producer, seq } of rows) {
    check.expect(false, () => ({ invariant: 'I2', what: 'it is lost and there', where: `${producer} ${seq}` }))
  }
  return check
}

export function lostCount(sql: ClientBase, schema: string): Promise<number> {
  return scalar(sql, `SELECT count(*) AS value FROM ${schema}.lost_leaf`)
}
