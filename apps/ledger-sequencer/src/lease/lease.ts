// One writer: whoever holds the lease's epoch. Only the database's clock counts. A successor ends the backends that its
// predecessor recorded before it raises the epoch, so nothing of the old epoch can commit after the new one began. A
// holder whose recorded backends are gone can append nothing any more: its lease is free before it has run out.
import { durableStep } from '@careseal/durable-step'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { connectSession } from '../database/connections.js'
import { Fatal } from '../fatal.js'

export type LeaseOptions = {
  url: string
  /** How long the ledger waits for a silent writer. A transaction may idle for half of it at most. */
  durationMs: number
  /** The lease is lost, or a connection broke: the state is unknown. Called at most once. */
  onLost: (reason: Fatal) => void
  signal?: AbortSignal
}

/** The right to append, with the one connection that does it. */
export class Lease {
  private timer: NodeJS.Timeout | undefined
  private ended = false

  private constructor(
    readonly epoch: number,
    private readonly candidate: Candidate,
  ) {}

  /** The connection for appends alone. */
  get writer(): pg.Client {
    return this.candidate.writer
  }

  /** Waits until the lease is free or has run out, then takes it. Rejects when `signal` aborts. */
  static async acquire(options: LeaseOptions): Promise<Lease> {
    const holder = randomUUID()
    const session = () =>
      connectSession({
        url: options.url,
        applicationName: sessionName(holder),
        idleInTransactionMsMax: Math.floor(options.durationMs / 2),
      })
    const candidate = { writer: await session(), keeper: await session(), holder, options }
    const lease = new Lease(await waitForEpoch(candidate), candidate)
    lease.watch()
    return lease
  }

  /** Gives the lease back, so that a successor need not wait. Call when no append is in flight. */
  async release(): Promise<void> {
    this.end()
    const { keeper, holder } = this.candidate
    const text = `UPDATE lease SET holder = NULL, backend_pids = '{}', expires_at = '-infinity'
                   WHERE epoch = $1 AND holder = $2`
    await durableStep('lease.release', () => keeper.query(text, [this.epoch, holder]))
    await this.close()
  }

  /** Ends the connections and keeps the lease as it is, as a crash would. */
  async close(): Promise<void> {
    this.end()
    await Promise.allSettled([this.candidate.writer.end(), this.candidate.keeper.end()])
  }

  private end(): void {
    this.ended = true
    clearTimeout(this.timer)
  }

  private watch(): void {
    for (const client of [this.candidate.writer, this.candidate.keeper]) {
      client.on('error', (cause) => this.lose(new Fatal('connection-lost', 'a connection broke', { cause })))
      client.on('end', () => this.lose(new Fatal('connection-lost', 'a connection was ended')))
    }
    this.renewLater()
  }

  private renewLater(): void {
    this.timer = setTimeout(() => void this.renew(), this.candidate.options.durationMs / 3)
  }

  // Late is not lost: as long as the epoch is ours nobody has begun another.
  private async renew(): Promise<void> {
    const { keeper, holder, options } = this.candidate
    try {
      const renewed = await keeper.query(
        `UPDATE lease SET expires_at = clock_timestamp() + $3 * interval '1 ms' WHERE epoch = $1 AND holder = $2`,
        [this.epoch, holder, options.durationMs],
      )
      if (this.ended) return
      if (renewed.rowCount === 1) this.renewLater()
      else this.lose(new Fatal('fenced', `epoch ${this.epoch} has a successor`))
    } catch (cause) {
      this.lose(new Fatal('connection-lost', 'the lease could not be renewed', { cause }))
    }
  }

  private lose(reason: Fatal): void {
    if (this.ended) return
    this.end()
    this.candidate.options.onLost(reason)
  }
}

type Candidate = { writer: pg.Client; keeper: pg.Client; holder: string; options: LeaseOptions }
type Row = { epoch: number; holder: string | null; backend_pids: number[]; expires_at: string; free: boolean }

const ASK_AGAIN_MS = 50

// The time as text: a renewal in between changes it, and a Date would round it. A pid may be another's backend by now.
const FIND = `
  SELECT epoch, holder, backend_pids, expires_at::text,
         expires_at <= clock_timestamp() OR NOT EXISTS (
           SELECT FROM pg_stat_activity
            WHERE pid = ANY(backend_pids) AND application_name = 'careseal-ledger-' || holder) AS free
    FROM lease`

// Until the lease is ours, whatever breaks shows in the next query.
function ignoreUntilWatched(): void {}

async function waitForEpoch(candidate: Candidate): Promise<number> {
  const { keeper, writer, options } = candidate
  for (const client of [keeper, writer]) client.on('error', ignoreUntilWatched)
  try {
    for (;;) {
      options.signal?.throwIfAborted()
      const epoch = await tryToTake(candidate)
      if (epoch !== null) return epoch
      await delay(
        Math.min(ASK_AGAIN_MS, options.durationMs / 4),
        undefined,
        options.signal ? { signal: options.signal } : {},
      )
    }
  } catch (error) {
    await Promise.allSettled([writer.end(), keeper.end()])
    throw error
  }
}

async function tryToTake({ keeper, writer, holder, options }: Candidate): Promise<number | null> {
  const found = await keeper.query<Row>(FIND)
  const row = found.rows[0]
  if (!row?.free) return null
  await endBackends(keeper, row)
  // If we crash here, the predecessor is gone and the epoch unchanged: the next candidate does the same again.
  const text = `UPDATE lease SET epoch = epoch + 1, holder = $2, backend_pids = $3,
                       expires_at = clock_timestamp() + $4 * interval '1 ms'
                 WHERE epoch = $1 AND expires_at = $5::timestamptz RETURNING epoch`
  const values = [row.epoch, holder, [await pidOf(writer), await pidOf(keeper)], options.durationMs, row.expires_at]
  const taken = await durableStep('lease.take', () => keeper.query<{ epoch: number }>(text, values))
  return taken.rows[0]?.epoch ?? null
}

// The application name says whose backend a pid is.
async function endBackends(keeper: pg.Client, row: Row): Promise<void> {
  if (row.holder === null) return
  await keeper.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY($1) AND application_name = $2`,
    [row.backend_pids, sessionName(row.holder)],
  )
}

async function pidOf(client: pg.Client): Promise<number> {
  const answer = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return answer.rows[0]?.pid as number
}

/** What the sessions of a holder are called: by it alone a candidate tells that a recorded backend is still its own. */
export function sessionName(holder: string): string {
  return `careseal-ledger-${holder}`
}
