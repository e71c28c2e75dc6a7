import type { DataSourceOptions, EntitySchema, Logger, MixedList } from 'typeorm'

// What fails is thrown, and our own log tells it; TypeORM's would print a line of its own, with words of the database.
const silent: Logger = {
  logQuery: () => {},
  logQueryError: () => {},
  logQuerySlow: () => {},
  logSchemaBuild: () => {},
  logMigration: () => {},
  log: () => {},
}

type Class = abstract new (...args: never[]) => unknown

export type DatabaseOptions = {
  url: string
  /** The service, shown in pg_stat_activity and logs of the server. */
  service: string
  entities?: MixedList<Class | EntitySchema>
  migrations?: MixedList<Class>
  poolSize?: number
  statementTimeoutMs?: number
}

/**
 * Options of a TypeORM data source that fails fast: deadlines on connecting, statements and idle transactions.
 *
 * Tables are made by migrations alone; nothing is synchronised, and nothing runs by itself at start.
 */
export function dataSourceOptions(options: DatabaseOptions): DataSourceOptions {
  const { url, service, entities = [], migrations = [], poolSize = 16, statementTimeoutMs = 15_000 } = options
  return {
    type: 'postgres',
    url,
    applicationName: service,
    entities: entities as never,
    migrations: migrations as never,
    migrationsTableName: 'migrations',
    migrationsTransactionMode: 'each',
    synchronize: false,
    migrationsRun: false,
    // Statements quote values, and values are personal: the log of the ORM stays off.
    logging: false,
    logger: silent,
    poolSize,
    connectTimeoutMS: 5_000,
    extra: {
      statement_timeout: statementTimeoutMs,
      idle_in_transaction_session_timeout: 30_000,
      // Found dead within 15 s: what broke while no packet came through does not tell by itself.
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
    },
  }
}
