// Read models fed from the ledger's events: read for speed from the stream, for completeness from the producers.
import type { Producer } from '@careseal/contracts'
import type { Tx } from '@careseal/event-store'
import type { LedgerEvent, NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Module, type DynamicModule, type Type } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '../event-store.options.js'
import { LedgerClient } from '../ledger/ledger.client.js'
import { ProjectionReader } from './projection-reader.js'

/** A read model. Both methods run in the transaction that moves the projection's position. */
export type Projection = {
  /** Events of one producer come in order, each exactly once; between producers there is no order. */
  apply(tx: Tx, events: readonly LedgerEvent[]): Promise<void>
  /** Empties the model, before a rebuild. */
  truncate(tx: Tx): Promise<void>
}

export type ProjectionFeature = {
  /** Names the position; unique in the service's schema. */
  name: string
  producers: readonly Producer[]
  projection: Type<Projection>
  /** Modules that the projection injects from. */
  imports?: DynamicModule['imports']
}

/** Injection token of a projection's reader, for its status and for a rebuild. */
export function projectionReader(name: string): string {
  return `careseal.projection.${name}`
}

@Module({})
export class ProjectionModule {
  static forFeature({ name, producers, projection, imports = [] }: ProjectionFeature): DynamicModule {
    const token = projectionReader(name)
    return {
      module: ProjectionModule,
      imports,
      providers: [
        projection,
        {
          provide: token,
          useFactory: (
            model: Projection,
            dataSource: DataSource,
            nc: NatsConnection,
            options: EventStoreModuleOptions,
          ) => {
            const admitted = () => new LedgerClient(options).producerNames()
            return new ProjectionReader({
              name,
              producers,
              admitted,
              model,
              dataSource,
              nc,
              origin: options.ledgerOrigin,
            })
          },
          inject: [projection, DataSource, NATS, EVENT_STORE_OPTIONS],
        },
      ],
      exports: [token, projection],
    }
  }
}
