// I20: after the faults nothing waits, neither for its number, its seal, its checkpoint, nor for a reader of ours.
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'

const PRODUCERS = ['identity', 'consent', 'records', 'audit']
const POLL_MS = 200

const unsealed = PRODUCERS.map(
  (name) => `(SELECT count(*) FROM ${name}.event) - (SELECT coalesce(sum(count), 0) FROM ${name}.sealed)`,
).join(' + ')
const heads = PRODUCERS.map((name) => `SELECT producer, last_seq FROM ${name}.relay_head`).join(' UNION ALL ')
const positions = PRODUCERS.map((name) => `SELECT '${name}' AS reader, producer, seq FROM ${name}.projection_position`)
const WAITING = `
SELECT (${unsealed})::int AS events,
       ARRAY(SELECT format('%s lacks %s of %s after %s', reader, h.last_seq - p.seq, producer, p.seq)
             FROM (${positions.join(' UNION ALL ')}) p JOIN (${heads}) h USING (producer) WHERE h.last_seq <> p.seq) AS readings,
       (SELECT (h.tree_size - p.size)::int FROM ledger.head h, ledger.published p) AS entries`

export type Waiting = { events: number; readings: string[]; entries: number }

/** Resolves to how long it took until nothing waits; throws with what still waits after `withinMs`. */
export async function untilSealed(databaseUrl: string, { withinMs }: { withinMs: number }): Promise<number> {
  const startedAt = performance.now()
  const sql = new Client({ connectionString: databaseUrl })
  sql.on('error', () => {})
  await sql.connect()
  try {
    for (;;) {
      const waiting = await waitingIn(sql)
      const tookMs = performance.now() - startedAt
      if (waiting.events + waiting.readings.length + waiting.entries === 0) return tookMs
      if (tookMs > withinMs) throw new Error(`I20: after ${withinMs} ms there still wait ${JSON.stringify(waiting)}`)
      await delay(POLL_MS)
    }
  } finally {
    await sql.end()
  }
}

async function waitingIn(sql: Client): Promise<Waiting> {
  const { rows } = await sql.query<Waiting>(WAITING)
  return rows[0]!
}
