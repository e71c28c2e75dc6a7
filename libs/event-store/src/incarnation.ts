// A producer's name is a row of its own database, not a setting: a copy that was restored, and then recovered, goes on under
// the next name after nothing but a restart. `consent` is followed by `consent-2`, `consent-3`, and so on.
import type { Queryable } from './transaction.js'

/** The name under which events are numbered and published now. */
export async function currentProducer(sql: Queryable, service: string): Promise<string> {
  const { rows } = await sql.query<{ producer: string }>(
    'SELECT producer FROM incarnation ORDER BY number DESC LIMIT 1',
  )
  return rows[0]?.producer ?? service
}
