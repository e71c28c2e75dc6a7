import { purgeIdempotency, WorkLoop } from '@careseal/event-store'
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'

const PURGE_MS = 60_000
const PURGE_ROWS = 1_000

/** Removes idempotency rows when their 24 hours are over; several replicas may. */
@Injectable()
export class IdempotencyPurge implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(IdempotencyPurge.name)
  private readonly loop: WorkLoop

  constructor(database: ProducerDatabase) {
    this.loop = new WorkLoop({
      work: async () => (await purgeIdempotency(database.pool, PURGE_ROWS)) === PURGE_ROWS,
      pollMs: PURGE_MS,
      onError: (error) => this.logger.warn({ err: error }, 'old idempotency rows stay for now'),
    })
  }

  onApplicationBootstrap(): void {
    this.loop.start()
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop()
  }
}
