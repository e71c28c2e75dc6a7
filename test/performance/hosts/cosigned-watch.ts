// Sees how far a producer's events are published, and by how many witnesses co-signed: what anybody can fetch, asked of
// the database so often that the asking hardly shows.
import { setTimeout as delay } from 'node:timers/promises'
import { parseNote } from '@careseal/ledger-core'
import type { Pool } from 'pg'

/** At a time of performance.now(): events up to `seq` are below a checkpoint with so many cosignatures. */
export type Seen = { at: number; seq: number; cosignatures: number }

const POLL_MS = 5
const SQL = `SELECT p.size, p.note,
    (SELECT max((run ->> 'fromSeq')::bigint + (run ->> 'count')::bigint - 1)
       FROM block b, jsonb_array_elements(b.runs) run
      WHERE b.tree_size <= p.size AND b.tree_size > $1 AND run ->> 'producer' = $2) AS seq
  FROM published p`

export class CosignedWatch {
  readonly seen: Seen[] = []
  private size = 0
  private seq = 0
  private isOver = false
  private readonly pool: Pool
  private readonly producer: string
  private readonly watching: Promise<void>

  constructor(pool: Pool, producer: string) {
    this.pool = pool
    this.producer = producer
    this.watching = this.watch()
  }

  /** Resolves once events up to `seq` have so many cosignatures. Throws after a minute without. */
  async until(seq: number, cosignatures: number): Promise<void> {
    const deadline = performance.now() + 60_000
    while (!this.seen.some((one) => one.seq >= seq && one.cosignatures >= cosignatures)) {
      if (performance.now() > deadline) throw new Error(`event ${seq} was not co-signed in time`)
      await delay(POLL_MS)
    }
  }

  async stop(): Promise<void> {
    this.isOver = true
    await this.watching
  }

  private async watch(): Promise<void> {
    for (; !this.isOver; await delay(POLL_MS)) {
      const { rows } = await this.pool.query<{ size: string; note: string; seq: string | null }>(SQL, [
        this.size,
        this.producer,
      ])
      const row = rows[0]
      if (!row || row.note === '') continue
      this.size = Number(row.size)
      this.seq = Math.max(this.seq, Number(row.seq ?? 0))
      const cosignatures = parseNote(row.note).signatures.length - 1
      this.seen.push({ at: performance.now(), seq: this.seq, cosignatures })
    }
  }
}

/** For each commit the time until its events were seen with so many cosignatures, in milliseconds. */
export function waits(
  commits: readonly { at: number; seq: number }[],
  seen: readonly Seen[],
  cosignatures: number,
): number[] {
  const enough = seen.filter((one) => one.cosignatures >= cosignatures)
  let place = 0
  return commits.map(({ at, seq }) => {
    while (place < enough.length && (enough[place] as Seen).seq < seq) place += 1
    const found = enough[place]
    if (!found) throw new Error(`event ${seq} was not co-signed`)
    return Math.max(0, found.at - at)
  })
}
