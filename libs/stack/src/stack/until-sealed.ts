// Waits until nothing is left to seal: every producer has numbered all its events, and each is below a published
// checkpoint that the producer itself has read. Looks into the database, which only the operator of a machine can.
import { Client } from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import { PRODUCERS } from '@careseal/contracts'

export type SealingOptions = {
  /** A superuser's URL of the database. */
  databaseUrl: string
  /** Whose events; default all producers. */
  producers?: readonly string[]
  deadlineMs: number
  onProgress?: (sealed: number, total: number) => void
}

/** Resolves to the number of sealed events. Throws when no event is sealed any more for `deadlineMs`. */
export async function untilSealed(options: SealingOptions): Promise<number> {
  const { databaseUrl, producers = PRODUCERS, deadlineMs, onProgress } = options
  if (producers.length === 0) return 0
  const client = new Client(databaseUrl)
  client.on('error', () => {})
  await client.connect()
  try {
    let [lastSealed, movedAt] = [-1, performance.now()]
    for (;;) {
      const { total, sealed } = await counts(client, producers)
      onProgress?.(sealed, total)
      if (sealed === total) return sealed
      if (sealed !== lastSealed) [lastSealed, movedAt] = [sealed, performance.now()]
      if (performance.now() - movedAt > deadlineMs) {
        throw new Error(`${total - sealed} of ${total} events are still not sealed: see careseal status`)
      }
      await delay(100)
    }
  } finally {
    await client.end()
  }
}

async function counts(client: Client, producers: readonly string[]): Promise<{ total: number; sealed: number }> {
  const parts = producers.map(
    (name) =>
      `SELECT (SELECT count(*) FROM ${name}.event) + (SELECT count(*) FROM ${name}.lost_leaf) AS total,
              (SELECT coalesce(sum(count), 0) FROM ${name}.sealed) AS sealed`,
  )
  const sql = `SELECT sum(total)::float8 AS total, sum(sealed)::float8 AS sealed FROM (${parts.join(' UNION ALL ')}) AS each`
  const { rows } = await client.query<{ total: number; sealed: number }>(sql)
  return rows[0] ?? { total: 0, sealed: 0 }
}
