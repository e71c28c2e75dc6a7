import { MessagingModule } from '@careseal/nest-jetstream'
import { Module, type DynamicModule } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { CATCH_UP, CatchUp, type CatchUpOptions } from './catch-up.js'
import { ConsentEvents } from './consent-events.controller.js'
import { ENTITIES } from './read-model.entities.js'
import { StandingConsents } from './standing-consents.controller.js'

export type ReadModelOptions = CatchUpOptions & { databaseUrl: string }

@Module({})
export class ReadModelModule {
  static forRoot(options: ReadModelOptions): DynamicModule {
    const { nats, name, databaseUrl } = options
    return {
      module: ReadModelModule,
      imports: [
        // Tables from the entities keep the example short. A service of yours has migrations.
        TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, entities: ENTITIES, synchronize: true }),
        // In order: a revocation that failed is not overtaken by a later consent.
        MessagingModule.forConsumer({ ...nats, name, server: { ordered: true } }),
      ],
      controllers: [ConsentEvents, StandingConsents],
      providers: [CatchUp, { provide: CATCH_UP, useValue: options }],
    }
  }
}
