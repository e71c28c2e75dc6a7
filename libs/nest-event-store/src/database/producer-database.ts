import { currentProducer } from '@careseal/event-store'
import { Logger, type OnApplicationShutdown } from '@nestjs/common'
import { Pool, type PoolConfig } from 'pg'
import { setTimeout as delay } from 'node:timers/promises'
import type { EventStoreModuleOptions } from '../event-store.options.js'
import { DatabaseWatch } from './database-watch.js'

const ATTEMPTS = 20
const RETRY_MS = 1_000

/** The pool of relay, seal follower and replays, apart from requests so that neither starves the other. */
export class ProducerDatabase implements OnApplicationShutdown {
  readonly service: string
  readonly origin: string

  private constructor(
    options: EventStoreModuleOptions,
    /** The incarnation as which this process numbers and publishes; another one needs another process. */
    readonly producer: string,
    readonly pool: Pool,
    readonly watch: DatabaseWatch,
  ) {
    this.service = options.producer
    this.origin = options.ledgerOrigin
  }

  /** Reads from the database under which name this producer goes on; waits for the database as the app's own pool does. */
  static async open(options: EventStoreModuleOptions, watch: DatabaseWatch): Promise<ProducerDatabase> {
    const pool = poolOf(options, watch)
    const producer = await patiently(() => currentProducer(pool, options.producer)).catch(async (error: unknown) => {
      await pool.end()
      throw error
    })
    return new ProducerDatabase(options, producer, pool, watch)
  }

  // Relay and follower have stopped in earlier hooks; what still waits for a connection gets an error.
  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      logger.warn({ err: error }, 'the database does not answer yet')
      await delay(RETRY_MS)
    }
  }
}

function poolOf(options: EventStoreModuleOptions, watch: DatabaseWatch): Pool {
  const config: PoolConfig & { verify: DatabaseWatch['verify'] } = {
    connectionString: options.directDatabaseUrl ?? options.databaseUrl,
    application_name: `${options.producer}-relay`,
    max: 4,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 15_000,
    idle_in_transaction_session_timeout: 15_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 5_000,
    verify: watch.verify,
  }
  const pool = new Pool(config)
  pool.on('error', (error) => reportBrokenConnection(error, watch))
  return pool
}

const logger = new Logger('Database')

/** An idle connection broke: it is replaced, and the watch looks at what replaces it. */
export function reportBrokenConnection(error: unknown, watch: DatabaseWatch): void {
  logger.warn({ err: error }, 'an idle database connection broke')
  watch.lost()
}
