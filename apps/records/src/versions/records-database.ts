import { Injectable } from '@nestjs/common'
import { transaction } from '@careseal/event-store'
import { EventTransactions } from '@careseal/nest-event-store'
import type { ClientBase } from 'pg'
import { DataSource } from 'typeorm'

/** The service's tables, one transaction at a time. */
@Injectable()
export class RecordsDatabase {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: EventTransactions,
  ) {}

  /** For work that appends no event. */
  read<T>(work: (sql: ClientBase) => Promise<T>): Promise<T> {
    return transaction(this.dataSource, ({ sql }) => work(sql))
  }

  /** For work that appends events; repeated once after a conflict or deadlock, so `work` starts from nothing. */
  write<T>(work: (sql: ClientBase) => Promise<T>): Promise<T> {
    return this.transactions.runWithRetry(({ sql }) => work(sql))
  }
}
