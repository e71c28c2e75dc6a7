import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common'
import { Pool, type PoolConfig } from 'pg'
import { EVENT_STORE_OPTIONS, serviceOf, type EventStoreModuleOptions } from '../event-store.options.js'
import { DatabaseWatch } from './database-watch.js'

/** The pool of relay, seal follower and replays, apart from requests so that neither starves the other. */
@Injectable()
export class ProducerDatabase implements OnApplicationShutdown {
  readonly producer: string
  readonly service: string
  readonly origin: string
  readonly pool: Pool

  constructor(
    @Inject(EVENT_STORE_OPTIONS) options: EventStoreModuleOptions,
    readonly watch: DatabaseWatch,
  ) {
    this.producer = options.producer
    this.service = serviceOf(options)
    this.origin = options.ledgerOrigin
    this.pool = poolOf(options, watch)
  }

  // Relay and follower have stopped in earlier hooks; what still waits for a connection gets an error.
  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

function poolOf(options: EventStoreModuleOptions, watch: DatabaseWatch): Pool {
  const config: PoolConfig & { verify: DatabaseWatch['verify'] } = {
    connectionString: options.directDatabaseUrl ?? options.databaseUrl,
    application_name: `${serviceOf(options)}-relay`,
    max: 4,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    verify: watch.verify,
  }
  const pool = new Pool(config)
  pool.on('error', reportBrokenConnection)
  return pool
}

const logger = new Logger('Database')

/** An idle connection broke: it is replaced, and the watch looks at what replaces it. */
export function reportBrokenConnection(error: unknown): void {
  logger.warn({ err: error }, 'an idle database connection broke')
}
