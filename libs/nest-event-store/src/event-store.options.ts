import type { Provider } from '@nestjs/common'

export type EventStoreModuleOptions = {
  /** Name in `evt.<producer>.…` and of the schema; later incarnations append a number (`consent-2`). */
  producer: string
  /** The service that answers `cmd.<service>.…`; default the producer's name without its incarnation. */
  service?: string
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
}

/** Injection token of the module's options. */
export const EVENT_STORE_OPTIONS: unique symbol = Symbol.for('careseal.event-store.options')

export function optionsProvider(options: EventStoreModuleOptions): Provider {
  return { provide: EVENT_STORE_OPTIONS, useValue: options }
}

/** `consent-2` answers commands and derives its names as `consent`. */
export function serviceOf({ service, producer }: Pick<EventStoreModuleOptions, 'service' | 'producer'>): string {
  return service ?? producer.replace(/-\d+$/, '')
}
