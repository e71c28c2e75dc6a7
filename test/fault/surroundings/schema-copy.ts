// A backup of one schema, taken in one snapshot and put back as a restore would: nobody of the service is connected
// meanwhile, and sequences go back too.
import type { DatabaseService } from '@careseal/stack'
import { Client } from 'pg'

export type Schema = DatabaseService | `${Exclude<DatabaseService, 'ledger'>}_keys`

let copies = 0

export class SchemaCopy {
  private constructor(
    private readonly databaseUrl: string,
    readonly schema: Schema,
    readonly copy: string,
  ) {}

  static async take(databaseUrl: string, schema: Schema): Promise<SchemaCopy> {
    const one = new SchemaCopy(databaseUrl, schema, `fault_copy_${(copies += 1)}`)
    await transaction(databaseUrl, async (sql) => {
      await sql.query(`CREATE SCHEMA ${one.copy}`)
      for (const table of await tablesOf(sql, schema)) {
        await sql.query(`CREATE UNLOGGED TABLE ${one.copy}."${table}" AS TABLE ${schema}."${table}"`)
      }
      await sql.query(
        `CREATE UNLOGGED TABLE ${one.copy}."sequence values" AS
         SELECT sequencename AS name, last_value AS value FROM pg_sequences WHERE schemaname = '${schema}'`,
      )
    })
    return one
  }

  /** Puts the copy back in one transaction, with all triggers and references off. The copy stays. */
  async restore(): Promise<void> {
    await transaction(this.databaseUrl, async (sql) => {
      await sql.query('SET LOCAL session_replication_role = replica')
      const tables = await tablesOf(sql, this.schema)
      for (const table of tables) await sql.query(`DELETE FROM ${this.schema}."${table}"`)
      for (const table of tables) await this.refill(sql, table)
      await sql.query(
        `SELECT setval(format('${this.schema}.%I', name)::regclass, coalesce(value, 1), value IS NOT NULL)
         FROM ${this.copy}."sequence values"`,
      )
    })
  }

  async drop(): Promise<void> {
    await transaction(this.databaseUrl, async (sql) => void (await sql.query(`DROP SCHEMA ${this.copy} CASCADE`)))
  }

  private async refill(sql: Client, table: string): Promise<void> {
    const { rows } = await sql.query<{ columns: string }>(
      `SELECT string_agg(quote_ident(column_name), ', ') AS columns FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER'`,
      [this.schema, table],
    )
    const columns = rows[0]!.columns
    await sql.query(
      `INSERT INTO ${this.schema}."${table}" (${columns}) OVERRIDING SYSTEM VALUE
       SELECT ${columns} FROM ${this.copy}."${table}"`,
    )
  }
}

/** Ends every connection of a role and lets none in until `work` is done. */
export async function withRoleLockedOut<T>(databaseUrl: string, role: string, work: () => Promise<T>): Promise<T> {
  await transaction(databaseUrl, async (sql) => void (await sql.query(`ALTER ROLE ${role} NOLOGIN`)))
  try {
    await endBackends(databaseUrl, role)
    return await work()
  } finally {
    await transaction(databaseUrl, async (sql) => void (await sql.query(`ALTER ROLE ${role} LOGIN`)))
  }
}

async function endBackends(databaseUrl: string, role: string): Promise<void> {
  while ((await endThoseSeen(databaseUrl, role)) > 0);
}

// In a transaction of its own: within one, the list of backends stays what it was at first.
async function endThoseSeen(databaseUrl: string, role: string): Promise<number> {
  let seen = 0
  await transaction(databaseUrl, async (sql) => {
    const { rows } = await sql.query<{ seen: number }>(
      'SELECT count(pg_terminate_backend(pid, 1000))::int AS seen FROM pg_stat_activity WHERE usename = $1',
      [role],
    )
    seen = rows[0]!.seen
  })
  return seen
}

async function tablesOf(sql: Client, schema: string): Promise<string[]> {
  const { rows } = await sql.query<{ tablename: string }>(
    'SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    [schema],
  )
  return rows.map(({ tablename }) => tablename)
}

async function transaction(databaseUrl: string, work: (sql: Client) => Promise<void>): Promise<void> {
  const sql = new Client({ connectionString: databaseUrl })
  sql.on('error', () => {})
  await sql.connect()
  try {
    await sql.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await work(sql)
    await sql.query('COMMIT')
  } finally {
    await sql.end()
  }
}
