import type { DurableStep } from '@careseal/durable-step'
import { Injectable } from '@nestjs/common'
import { ask, transaction, type Queryable } from '@careseal/event-store'
import { SubjectErased } from '@careseal/keys'
import { EventTransactions } from '@careseal/nest-event-store'
import { HttpProblem } from '@careseal/service-kit'
import type { ClientBase } from 'pg'
import { DataSource } from 'typeorm'

/** The service's tables, one transaction at a time. */
@Injectable()
export class RecordsDatabase {
  constructor(
    private readonly dataSource: DataSource,
    private readonly transactions: EventTransactions,
  ) {}

  /** For questions: each statement is a transaction of its own, and its locks end with it. */
  ask<T>(question: (sql: Queryable) => Promise<T>): Promise<T> {
    return ask(this.dataSource, question)
  }

  /** For work that appends no event. */
  read<T>(work: (sql: ClientBase) => Promise<T>): Promise<T> {
    return transaction(this.dataSource, ({ sql }) => work(sql)).catch(refuseErased)
  }

  /** For work that appends events; repeated once after a conflict or deadlock, so `work` starts from nothing. */
  write<T>(work: (sql: ClientBase) => Promise<T>, step?: DurableStep): Promise<T> {
    return this.transactions.runWithRetry(({ sql }) => work(sql), step).catch(refuseErased)
  }
}

// Whoever was permitted just now may know that an erasure came in between.
function refuseErased(error: unknown): never {
  if (error instanceof SubjectErased)
    throw new HttpProblem(410, 'subject-erased', 'The subject of this data was erased.')
  throw error
}
