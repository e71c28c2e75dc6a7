// The lease while a ledger is put back: the database takes a block only under its own epoch, so the epoch rises with
// theirs, and no sequencer can begin meanwhile.
import type pg from 'pg'
import { randomUUID } from 'node:crypto'
import { durableStep } from '@careseal/durable-step'

const DURATION_MS = 60_000

export class RecoveryLease {
  private epoch = 0
  private readonly holder = randomUUID()

  constructor(private readonly writer: pg.Client) {}

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
    }
  }

  /** Keeps it for another while. */
  async renew(): Promise<void> {
    const text = `UPDATE lease SET expires_at = clock_timestamp() + $2 * interval '1 ms' WHERE holder = $1`
    await durableStep('lease.take', () => this.writer.query(text, [this.holder, DURATION_MS]))
  }

  async release(): Promise<void> {
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
