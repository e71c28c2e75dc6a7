// A rule is one query that finds what breaks it. Rules say what has to be true of rows; passes open what rows hold.
import type { ClientBase } from 'pg'
import type { InvariantId } from './invariants.js'
import { scalar } from './pages.js'
import { Check } from './report.js'

/** `sql` answers the `place` of each fault, `counted` how many rows were looked at; names are found in `schema`. */
export type Rule = {
  schema: string
  name: string
  invariant: InvariantId
  what: string
  sql: string
  counted: string
}

const MOST_FOUND = 100

export async function ruleCheck(sql: ClientBase, rule: Rule): Promise<Check> {
  const { schema, name, invariant, what } = rule
  const check = new Check(`${schema}: ${name}`, [invariant])
  check.checked = await scalar(sql, `SELECT count(*) AS value FROM ${rule.counted}`)
  const { rows } = await sql.query<{ place: string }>(`SELECT place FROM (${rule.sql}) AS found LIMIT ${MOST_FOUND}`)
  for (const { place } of rows) check.expect(false, () => ({ invariant, what, where: `${schema} ${place}` }))
  return check
}
