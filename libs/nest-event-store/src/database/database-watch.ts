// Notices that the database behind new connections is another one than before: restarted, failed over or restored.
// Whatever was verified of the old one has to be verified again before anything is served. (exactly-once.md section 6)
import type { ClientBase } from 'pg'

type Verified = (error?: Error) => void

const IDENTITY = `SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
  (SELECT timeline_id FROM pg_control_checkpoint()), pg_postmaster_start_time()) AS identity`

export class DatabaseWatch {
  private identity: string | undefined
  private readonly listeners: (() => void)[] = []

  onChange(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** pg-pool's `verify`: called for each new connection before anybody gets it. */
  readonly verify = (client: ClientBase, done: Verified): void => {
    client.query<{ identity: string }>(IDENTITY, (error, result) => {
      if (!error) this.compare(result.rows[0]!.identity)
      done(error ?? undefined)
    })
  }

  /** A connection broke: whatever answers next may be another database, even if it looks like the same one. */
  readonly lost = (): void => {
    for (const listener of this.listeners) listener()
  }

  private compare(identity: string): void {
    const changed = this.identity !== undefined && this.identity !== identity
    this.identity = identity
    if (changed) this.lost()
  }
}
