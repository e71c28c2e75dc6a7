import { dataSourceOptions } from '@careseal/service-kit'
import { Pool } from 'pg'
import type { DataSourceOptions } from 'typeorm'
import { serviceOf, type EventStoreModuleOptions } from '../event-store.options.js'
import type { DatabaseWatch } from './database-watch.js'

type Report = (error: unknown) => void

/** The pool of requests: deadlines from service-kit, each new connection checked by the watch. */
export function requestDataSource(
  options: EventStoreModuleOptions,
  watch: DatabaseWatch,
  report: Report,
): DataSourceOptions {
  const { databaseUrl: url, entities = [], poolSize = 16 } = options
  const base = dataSourceOptions({ url, service: serviceOf(options), entities: [...entities], poolSize })
  const extra: object = { ...(base.extra as object), verify: watch.verify }
  return { ...base, extra, poolErrorHandler: report } as DataSourceOptions
}

/** The pool of relay and seal follower, apart from requests so that neither starves the other. */
export function relayPool(options: EventStoreModuleOptions, watch: DatabaseWatch, report: Report): Pool {
  const pool = new Pool({
    connectionString: options.directDatabaseUrl ?? options.databaseUrl,
    application_name: `${serviceOf(options)}-relay`,
    max: 4,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    verify: watch.verify,
  } as ConstructorParameters<typeof Pool>[0])
  pool.on('error', report)
  return pool
}
