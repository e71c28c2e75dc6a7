// Migrations run once, whoever starts them: an advisory lock makes a second runner wait and then find nothing to do.
import { DataSource } from 'typeorm'
import { dataSourceOptions, type DatabaseOptions } from './data-source.js'

/** Any fixed number; the same for every service, for each has a schema of its own but one server. */
const MIGRATION_LOCK = 0x0ca7e5ea1

export type MigrationResult = { applied: string[]; pending: string[] }

/**
 * Applies what is pending, or with `check` only names it. Connects as the schema's owner and closes again.
 *
 * If we crash here, the migration under way was one transaction: the next run finds it undone.
 */
export async function runMigrations(options: DatabaseOptions & { check?: boolean }): Promise<MigrationResult> {
  const dataSource = new DataSource(dataSourceOptions({ ...options, poolSize: 2, statementTimeoutMs: 0 }))
  await dataSource.initialize()
  try {
    return options.check ? await check(dataSource) : await apply(dataSource)
  } finally {
    await dataSource.destroy()
  }
}

async function check(dataSource: DataSource): Promise<MigrationResult> {
  return { applied: [], pending: await pendingOf(dataSource) }
}

async function apply(dataSource: DataSource): Promise<MigrationResult> {
  const lock = dataSource.createQueryRunner()
  try {
    await lock.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK])
    const done = await dataSource.runMigrations({ transaction: 'each' })
    return { applied: done.map(({ name }) => name), pending: [] }
  } finally {
    // Ending the session would free the lock as well; a failure to unlock must not hide why a migration failed.
    await lock.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {})
    await lock.release()
  }
}

async function pendingOf(dataSource: DataSource): Promise<string[]> {
  const table = dataSource.options.migrationsTableName ?? 'migrations'
  const [found] = await dataSource.query<{ known: string | null }[]>('SELECT to_regclass($1)::text AS known', [table])
  const rows = found?.known ? await dataSource.query<{ name: string }[]>(`SELECT name FROM "${table}"`) : []
  const applied = new Set(rows.map(({ name }) => name))
  return dataSource.migrations
    .map((migration) => migration.name ?? migration.constructor.name)
    .filter((name) => !applied.has(name))
}
