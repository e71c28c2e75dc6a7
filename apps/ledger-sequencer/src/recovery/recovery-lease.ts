// The lease while a ledger is put back: the database takes a block only under its own epoch, so the epoch rises with
// theirs. From the first block on no sequencer can begin: its session bears the holder's name, and it renews in time.
import type pg from 'pg'
import { randomUUID } from 'node:crypto'
import { durableStep } from '@careseal/durable-step'
import { connectSession } from '../database/connections.js'
import { sessionName } from '../lease/lease.js'

// A bundle of a slow mirror may take a minute. Once this process has ended the lease is free all the same (ADR 0032).
const DURATION_MS = 300_000
const RENEW_EACH_MS = 30_000

export class RecoveryLease {
  private epoch = 0
  private renewedAt = performance.now()

  private constructor(
    /** The one connection that appends. */
    readonly writer: pg.Client,
    private readonly holder: string,
  ) {}

  /** Connects as the holder of a lease; nothing is held until raise(). */
  static async open(databaseUrl: string): Promise<RecoveryLease> {
    const holder = randomUUID()
    const applicationName = sessionName(holder)
    const writer = await connectSession({ url: databaseUrl, applicationName, idleInTransactionMsMax: 60_000 })
    // A connection that breaks shows in the next query.
    writer.on('error', () => {})
    return new RecoveryLease(writer, holder)
  }

  /** Holds the lease under `epoch`, which is never below the one before. Throws when somebody else holds it. */
  async raise(epoch: number): Promise<void> {
    if (this.epoch === 0) this.epoch = await this.freeEpoch()
    while (this.epoch < epoch) {
      const text = `UPDATE lease SET epoch = epoch + 1, holder = $2, backend_pids = ARRAY[pg_backend_pid()],
                           expires_at = clock_timestamp() + $3 * interval '1 ms'
                     WHERE epoch = $1 AND (expires_at <= clock_timestamp() OR holder = $2)`
      const values = [this.epoch, this.holder, DURATION_MS]
      const taken = await durableStep('lease.take', () => this.writer.query(text, values))
      if (taken.rowCount !== 1) throw new Error('another process has taken the lease of this ledger')
      this.epoch += 1
      this.renewedAt = performance.now()
    }
  }

  /** Keeps it for another while, if it is held and a part of the while is over. Call before each wait. */
  async renew(): Promise<void> {
    if (this.epoch === 0 || performance.now() < this.renewedAt + RENEW_EACH_MS) return
    const text = `UPDATE lease SET expires_at = clock_timestamp() + $2 * interval '1 ms' WHERE holder = $1`
    await durableStep('lease.take', () => this.writer.query(text, [this.holder, DURATION_MS]))
    this.renewedAt = performance.now()
  }

  /** Gives it back and ends the connection. */
  async close(): Promise<void> {
    await this.release().catch(() => {})
    await this.writer.end()
  }

  private async release(): Promise<void> {
    const text = `UPDATE lease SET holder = NULL, backend_pids = '{}', expires_at = '-infinity' WHERE holder = $1`
    await durableStep('lease.release', () => this.writer.query(text, [this.holder]))
  }

  private async freeEpoch(): Promise<number> {
    const found = await this.writer.query<{ epoch: number; free: boolean }>(
      'SELECT epoch, expires_at <= clock_timestamp() AS free FROM lease',
    )
    const row = found.rows[0]
    if (!row?.free) throw new Error('a sequencer holds the lease of this ledger: stop it first')
    return row.epoch
  }
}
