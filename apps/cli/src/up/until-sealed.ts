// Waits until nothing is left to seal: every producer has numbered all its events, and each is below a published
// checkpoint that the producer itself has read. Looks into the database, which only the operator of a machine can.
import { Client } from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import { PRODUCERS } from '@careseal/contracts'
import { CliError, EXIT } from '../exit.js'

export type SealingOptions = {
  /** A superuser's URL of the database. */
  databaseUrl: string
  deadlineMs: number
  onProgress: (sealed: number, total: number) => void
}

/** Resolves to the number of sealed events. Throws when no event is sealed any more for `deadlineMs`. */
export async function untilSealed({ databaseUrl, deadlineMs, onProgress }: SealingOptions): Promise<number> {
  const client = new Client(databaseUrl)
  client.on('error', () => {})
  await client.connect()
  try {
    let [lastSealed, movedAt] = [-1, performance.now()]
    for (;;) {
      const { total, sealed } = await counts(client)
      onProgress(sealed, total)
      if (sealed === total) return sealed
      if (sealed !== lastSealed) [lastSealed, movedAt] = [sealed, performance.now()]
      if (performance.now() - movedAt > deadlineMs) {
        throw new CliError(
          EXIT.failure,
          `${total - sealed} of ${total} events are still not sealed: see careseal status`,
        )
      }
      await delay(100)
    }
  } finally {
    await client.end()
  }
}

async function counts(client: Client): Promise<{ total: number; sealed: number }> {
  const parts = PRODUCERS.map(
    (name) =>
      `SELECT (SELECT count(*) FROM ${name}.event) + (SELECT count(*) FROM ${name}.lost_leaf) AS total,
              (SELECT coalesce(sum(count), 0) FROM ${name}.sealed) AS sealed`,
  )
  const sql = `SELECT sum(total)::float8 AS total, sum(sealed)::float8 AS sealed FROM (${parts.join(' UNION ALL ')}) AS each`
  const { rows } = await client.query<{ total: number; sealed: number }>(sql)
  return rows[0] ?? { total: 0, sealed: 0 }
}
