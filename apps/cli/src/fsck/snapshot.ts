// One moment of the whole database, for any number of connections: what is committed while fsck reads is not seen, so a
// ledger that is written to can be looked at, and nothing can be written by mistake.
import { Client } from 'pg'

/** Connections that all see the same moment. `end` closes them. */
export class Snapshot {
  private readonly clients: Client[] = []
  private id = ''

  private constructor(private readonly databaseUrl: string) {}

  static async take(databaseUrl: string): Promise<Snapshot> {
    const snapshot = new Snapshot(databaseUrl)
    const client = await snapshot.open()
    const { rows } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id')
    snapshot.id = rows[0]!.id
    return snapshot
  }

  /** A further connection, whose search path is the given schemas'. */
  async connect(...searchPath: string[]): Promise<Client> {
    const client = await this.open()
    await client.query(`SET TRANSACTION SNAPSHOT '${this.id}'`)
    if (searchPath.length > 0) await client.query(`SET search_path = ${searchPath.join(', ')}`)
    return client
  }

  async end(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.end()))
  }

  private async open(): Promise<Client> {
    const client = new Client({ connectionString: this.databaseUrl, application_name: 'careseal-fsck' })
    // A server that goes away shows in the next query.
    client.on('error', () => {})
    this.clients.push(client)
    await client.connect()
    await client.query('SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0')
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    return client
  }
}
