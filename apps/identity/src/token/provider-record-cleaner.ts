import { purgeIdempotency, transaction, WorkLoop } from '@careseal/event-store'
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { DataSource, LessThanOrEqual } from 'typeorm'
import { ProviderRecordEntity } from './provider-record.entity.js'

const MINUTE_MS = 60_000

/** Removes what has expired, once a minute: used assertions and remembered requests. */
@Injectable()
export class ProviderRecordCleaner implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ProviderRecordCleaner.name)
  private readonly loop = new WorkLoop({
    work: () => this.clean(),
    pollMs: MINUTE_MS,
    onError: (error) => this.logger.warn({ err: error }, 'expired rows cannot be removed now'),
  })

  constructor(private readonly dataSource: DataSource) {}

  onApplicationBootstrap(): void {
    this.loop.start()
  }

  onModuleDestroy(): Promise<void> {
    return this.loop.stop()
  }

  private async clean(): Promise<boolean> {
    await transaction(this.dataSource, async ({ sql, manager }) => {
      await manager.delete(ProviderRecordEntity, { expiresAt: LessThanOrEqual(new Date()) })
      await purgeIdempotency(sql)
    })
    return false
  }
}
