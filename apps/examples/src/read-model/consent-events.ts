// Reads for as long as the app runs. `consume` hands on each event after the one before it in its producer's chain, and
// fetches from the producer what the broker lost or never had, at the start and later on. So whatever lies behind the
// position was applied.
import { consume, type BrokerOptions, type Consumer } from '@careseal/client'
import { Inject, Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { positionOf, project, TYPES } from './standing-consents.projection.js'

export type ReadingOptions = {
  nats: BrokerOptions
  /** The consumer's name as the operator registered it. */
  name: string
  /** How many events of each producer there are: `ledgerHeads`. */
  heads: () => Promise<Record<string, number>>
  /** Waiting times before the second, third … attempt at an event; the last one repeats. Default 100 ms to 15 s. */
  backoffMs?: readonly number[]
}

export const READING: unique symbol = Symbol('what ConsentEvents needs')

@Injectable()
export class ConsentEvents implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(ConsentEvents.name)
  private consumer: Consumer | undefined

  constructor(
    private readonly database: DataSource,
    @Inject(READING) private readonly options: ReadingOptions,
  ) {}

  /** The app answers nobody before it has read as far as the ledger goes. */
  async onModuleInit(): Promise<void> {
    const { nats, name, heads, backoffMs } = this.options
    this.consumer = await consume({
      nats,
      durable: name,
      types: TYPES,
      from: await positionOf(this.database),
      // A dead letter would be missing here for good, and what fails is the database, not the event: wait for it.
      maxAttempts: Number.MAX_SAFE_INTEGER,
      ...(backoffMs && { backoffMs }),
      onEvent: (event, context) => project(this.database, event, context),
      onTrouble: ({ kind, producer, seq, error }) => this.logger.warn({ kind, producer, seq, error: String(error) }),
    })
    await this.consumer.reached(await heads())
  }

  async onModuleDestroy(): Promise<void> {
    await this.consumer?.stop()
  }
}
