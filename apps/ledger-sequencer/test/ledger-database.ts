// For specs: a real Postgres with the roles and the schema as a deployment has them.
import { runMigrations } from '@careseal/service-kit'
import { databaseUrl, provisionDatabase, startPostgres } from '@careseal/stack'
import { Client, type Pool } from 'pg'
import { readingPool } from '../src/database/connections.js'
import { migrations } from '../src/migrations/index.js'

export type LedgerDatabase = {
  /** As the service's role. */
  url: string
  ownerUrl: string
  adminUrl: string
  /** A pool of the service's role. */
  pool: Pool
  /** An empty ledger again. */
  reset(): Promise<void>
  /** What only somebody with all rights can do: guards do not run. */
  tamper(sql: string, values?: unknown[]): Promise<void>
  /** Remembers every table, as a backup does. */
  backUp(): Promise<void>
  /** Puts back what `backUp` remembered, as an operator does who does not know better. */
  restore(): Promise<void>
  stop(): Promise<void>
}

const TABLES = ['block', 'head', 'producer_cursor', 'tile', 'published', 'frozen_producer', 'lease']

export async function startLedgerDatabase(): Promise<LedgerDatabase> {
  const postgres = await startPostgres({ durable: false })
  const adminUrl = databaseUrl(postgres.url)
  const { url, ownerUrl } = await migrated(postgres.url)
  const pool = readingPool(url, { name: 'spec', max: 4 })
  return {
    url,
    ownerUrl,
    adminUrl,
    pool,
    reset: async () => {
      await asAdmin(adminUrl, ['DROP SCHEMA ledger CASCADE'])
      await migrated(postgres.url)
    },
    tamper: (sql, values) => asAdmin(adminUrl, [sql], values),
    backUp: () =>
      asAdmin(adminUrl, [
        'DROP SCHEMA IF EXISTS backup CASCADE; CREATE SCHEMA backup',
        ...TABLES.map((table) => `CREATE TABLE backup.${table} AS TABLE ledger.${table}`),
      ]),
    restore: () =>
      asAdmin(adminUrl, [
        `TRUNCATE ${TABLES.join(', ')}`,
        ...TABLES.map((table) => `INSERT INTO ledger.${table} SELECT * FROM backup.${table}`),
      ]),
    stop: async () => {
      await pool.end()
      await postgres.stop()
    },
  }
}

async function migrated(serverUrl: string): Promise<{ url: string; ownerUrl: string }> {
  const { ledger } = await provisionDatabase(serverUrl)
  await runMigrations({ url: ledger.ownerUrl, service: 'ledger', migrations })
  return ledger
}

async function asAdmin(url: string, statements: string[], values?: unknown[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`SET session_replication_role = replica; SET search_path = ledger`)
    for (const statement of statements) await (values ? client.query(statement, values) : client.query(statement))
  } finally {
    await client.end()
  }
}
