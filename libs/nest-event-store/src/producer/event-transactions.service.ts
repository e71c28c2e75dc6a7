import type { DurableStep } from '@careseal/durable-step'
import { retryOnConflict, transaction, type Tx } from '@careseal/event-store'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { ProducerGuard } from './producer-guard.service.js'
import { RelayService } from './relay.service.js'

/** How an app's services write: one transaction, refused while the producer is not confirmed, the relay woken after. */
@Injectable()
export class EventTransactions {
  constructor(
    private readonly dataSource: DataSource,
    private readonly producer: ProducerGuard,
    private readonly relay: RelayService,
  ) {}

  /** Runs `work` in one transaction. Asserts again on the connection: taking it may have revealed another database. */
  async run<T>(work: (tx: Tx) => Promise<T>, step: DurableStep = 'append.commit'): Promise<T> {
    this.producer.assertServing()
    const asserted = async (tx: Tx) => {
      this.producer.assertServing()
      return work(tx)
    }
    const result = await transaction(this.dataSource, asserted, step)
    this.relay.wake()
    return result
  }

  /** As `run`, once more after a version conflict or deadlock: load, decide and append inside `work`. */
  runWithRetry<T>(work: (tx: Tx) => Promise<T>, step?: DurableStep): Promise<T> {
    return retryOnConflict(() => this.run(work, step))
  }
}
