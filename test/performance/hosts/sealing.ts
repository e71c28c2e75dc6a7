// How far a producer's events are sealed: in a block below a published checkpoint, and the producer knows it.
import { setTimeout as delay } from 'node:timers/promises'
import type { Pool } from 'pg'

const POLL_MS = 25
const DEADLINE_MS = 120_000

export async function sealedCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: string }>('SELECT coalesce(sum(count), 0) AS n FROM sealed')
  return Number(rows[0]?.n)
}

export async function eventCount(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ n: string }>('SELECT count(*) AS n FROM event')
  return Number(rows[0]?.n)
}

/**
 * Resolves when so many of a producer's events are sealed; throws after two minutes without.
 *
 * `onLook` hears of every look, `onProgress` once a second.
 */
export async function untilSealed(
  pool: Pool,
  target: number,
  onProgress: (done: number) => void,
  onLook: (done: number) => void = () => {},
): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS
  for (let told = 0; ; await delay(POLL_MS)) {
    const done = await sealedCount(pool)
    onLook(done)
    if (done >= target) return
    if (performance.now() > deadline) throw new Error(`only ${done} of ${target} events were sealed in time`)
    if (performance.now() - told > 1_000) onProgress(done)
    if (performance.now() - told > 1_000) told = performance.now()
  }
}

/** Resolves when all that the producer has committed is sealed, so that a measurement begins with nothing to do. */
export async function untilQuiet(pool: Pool): Promise<number> {
  const count = await eventCount(pool)
  await untilSealed(pool, count, () => {})
  return count
}
