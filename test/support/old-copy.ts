// An old copy of one service's database: taken by SQL as it stands, and put back later as a restored backup would be.
import { Client } from 'pg'

export type OldCopy = { restore(): Promise<void> }

async function withSuperuser<T>(url: string, work: (sql: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Copies tables and keys of a service. `restore` puts them back behind every guard and ends the service's sessions. */
export async function copyOf(superuserUrl: string, service: string): Promise<OldCopy> {
  const copy = `old_${service}_${Date.now()}`
  const tables = await withSuperuser(superuserUrl, async (sql) => {
    const { rows } = await sql.query<{ schema: string; name: string }>(
      `SELECT schemaname AS schema, tablename AS name FROM pg_tables
       WHERE schemaname IN ($1::text, $1::text || '_keys') AND tablename <> 'migrations'`,
      [service],
    )
    await sql.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE SCHEMA ${copy}`)
    for (const { schema, name } of rows)
      await sql.query(`CREATE TABLE ${copy}.${schema}_${name} AS TABLE ${schema}.${name}`)
    await sql.query('COMMIT')
    return rows
  })
  return { restore: () => withSuperuser(superuserUrl, (sql) => putBack(sql, { copy, service, tables })) }
}

type Copy = { copy: string; service: string; tables: { schema: string; name: string }[] }

async function putBack(sql: Client, { copy, service, tables }: Copy): Promise<void> {
  const names = tables.map(({ schema, name }) => `${schema}.${name}`)
  await sql.query('BEGIN; SET LOCAL session_replication_role = replica')
  await sql.query(`TRUNCATE ${names.join(', ')} CASCADE`)
  for (const { schema, name } of tables) {
    await sql.query(`INSERT INTO ${schema}.${name} OVERRIDING SYSTEM VALUE SELECT * FROM ${copy}.${schema}_${name}`)
  }
  await sql.query('COMMIT')
  await sql.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [service])
}

/** Whether the ledger has sealed and published, and the producer read, all that the service has committed. */
export async function isSealed(superuserUrl: string, service: string): Promise<boolean> {
  return withSuperuser(superuserUrl, async (sql) => {
    const { rows } = await sql.query<{ sealed: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM ${service}.outbox) AND NOT EXISTS (
         SELECT FROM ${service}.relay_head h WHERE h.last_seq >
           (SELECT coalesce(max(from_seq + count - 1), 0) FROM ${service}.sealed s WHERE s.producer = h.producer)) AS sealed`,
    )
    return rows[0]!.sealed
  })
}
