import type { Provider } from '@nestjs/common'

export type EventStoreModuleOptions = {
  /**
   * Names the schema, the service that answers `cmd.<service>.…`, and the producer in `evt.<producer>.…`: later
   * incarnations append a number (`consent-2`), which the database tells.
   */
  producer: string
  /** Role <service>. */
  databaseUrl: string
  /** Connects the relay, whose advisory lock needs a session of its own; default `databaseUrl`. */
  directDatabaseUrl?: string
  kmsKeyFile: string
  ledgerOrigin: string
  /** Base URL of the ledger's HTTP API, such as `http://127.0.0.1:7105`. */
  ledgerUrl: string
  /** TypeORM entities; those of `TypeOrmModule.forFeature` are found without. */
  entities?: readonly (abstract new (...args: never[]) => unknown)[]
  poolSize?: number
  /** File with the outside consumers (`ConsumerList`), read again when it changes; without it there are none. */
  consumersFile?: string | undefined
}

/** Injection token of the module's options. */
export const EVENT_STORE_OPTIONS: unique symbol = Symbol.for('careseal.event-store.options')

export function optionsProvider(options: EventStoreModuleOptions): Provider {
  return { provide: EVENT_STORE_OPTIONS, useValue: options }
}
