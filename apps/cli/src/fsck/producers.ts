// Who writes into which schema, as the schemas themselves say: after a recovery a service has a further incarnation.
import type { ClientBase } from 'pg'

/** A producer of events and the schema where its rows lie. */
export type ProducerPlace = { producer: string; schema: string }

/** Every producer that has numbered an event, by schema, older incarnations first. */
export async function producersOf(sql: ClientBase, schemas: readonly string[]): Promise<ProducerPlace[]> {
  const places: ProducerPlace[] = []
  for (const schema of schemas) {
    const { rows } = await sql.query<{ producer: string }>(`SELECT producer FROM ${schema}.relay_head`)
    const names = rows.map(({ producer }) => producer).toSorted((a, b) => incarnationOf(a) - incarnationOf(b))
    places.push(...names.map((producer) => ({ producer, schema })))
  }
  return places
}

/** `consent` is the first, `consent-2` the second. */
export function incarnationOf(producer: string): number {
  return Number(/-(\d+)$/.exec(producer)?.[1] ?? 1)
}
