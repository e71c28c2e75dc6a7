import { LedgerInconsistent, SealFollower } from '@careseal/event-store'
import { onNotice, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { gauge } from '@careseal/observability'
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { LedgerClient } from './ledger.client.js'

/** Follows the ledger's blocks from start to drain; the ledger's notices only wake it. */
@Injectable()
export class SealFollowerService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SealFollowerService.name)
  private readonly follower: SealFollower
  private inconsistentAt = -1
  private stopListening = (): void => {}

  constructor(
    database: ProducerDatabase,
    @Inject(NATS) private readonly nc: NatsConnection,
    ledger: LedgerClient,
  ) {
    this.follower = new SealFollower({
      pool: database.pool,
      producer: database.producer,
      fetchBlocks: (from, limit) => ledger.blockHeaders(from, limit),
      publishedSize: () => ledger.publishedSize(),
      onError: (error) => this.report(error),
    })
    const help = 'height at which the ledger stopped being consistent, or -1'
    gauge({ name: 'careseal_ledger_inconsistent_height', help }, (metric) => metric.set(this.inconsistentAt))
  }

  onApplicationBootstrap(): void {
    this.stopListening = onNotice(this.nc, 'ledger.checkpoint-published', () => this.follower.wake())
    this.follower.start()
  }

  async onModuleDestroy(): Promise<void> {
    this.stopListening()
    await this.follower.stop()
  }

  private report(error: unknown): void {
    if (!(error instanceof LedgerInconsistent)) {
      this.logger.warn({ err: error }, 'the ledger cannot be followed now')
      return
    }
    this.inconsistentAt = error.height
    this.logger.error({ err: error, height: error.height }, 'the ledger contradicts what it showed before')
  }
}
