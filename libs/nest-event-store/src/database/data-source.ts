import { dataSourceOptions } from '@careseal/service-kit'
import type { DataSourceOptions } from 'typeorm'
import type { EventStoreModuleOptions } from '../event-store.options.js'
import type { DatabaseWatch } from './database-watch.js'

/** The pool of requests: deadlines from service-kit, each new connection checked by the watch. */
export function requestDataSource(
  options: EventStoreModuleOptions,
  watch: DatabaseWatch,
  poolErrorHandler: (error: unknown) => void,
): DataSourceOptions {
  const { databaseUrl: url, entities = [], poolSize = 16 } = options
  const base = dataSourceOptions({ url, service: options.producer, entities: [...entities], poolSize })
  const extra: object = { ...(base.extra as object), verify: watch.verify }
  return { ...base, extra, poolErrorHandler } as DataSourceOptions
}
