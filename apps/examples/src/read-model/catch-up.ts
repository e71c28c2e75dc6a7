// What the broker has lost, or never had, comes from the producers, before the broker is listened to. So a read model
// that is emptied, or that stood still while the broker lost its data, is complete again after its next start.
import { consume, type BrokerOptions } from '@careseal/client'
import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { positionOf, project, TYPES } from './standing-consents.projection.js'

export type CatchUpOptions = {
  nats: BrokerOptions
  /** The consumer's name as the operator registered it. */
  name: string
  /** How many events of each producer there are: `ledgerHeads`. */
  heads: () => Promise<Record<string, number>>
}

export const CATCH_UP: unique symbol = Symbol('what CatchUp needs')

@Injectable()
export class CatchUp implements OnModuleInit {
  constructor(
    private readonly database: DataSource,
    @Inject(CATCH_UP) private readonly options: CatchUpOptions,
  ) {}

  async onModuleInit(): Promise<void> {
    const { nats, name, heads } = this.options
    await using consumer = await consume({
      nats,
      durable: name,
      types: TYPES,
      from: await positionOf(this.database),
      onEvent: (event, context) => project(this.database, event, context),
    })
    await consumer.reached(await heads())
  }
}
