import { Module, type DynamicModule } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { ConsentEvents, READING, type ReadingOptions } from './consent-events.js'
import { ENTITIES } from './read-model.entities.js'
import { StandingConsents } from './standing-consents.controller.js'

export type ReadModelOptions = ReadingOptions & { databaseUrl: string }

@Module({})
export class ReadModelModule {
  static forRoot(options: ReadModelOptions): DynamicModule {
    return {
      module: ReadModelModule,
      imports: [
        // Tables from the entities keep the example short. A service of yours has migrations.
        TypeOrmModule.forRoot({ type: 'postgres', url: options.databaseUrl, entities: ENTITIES, synchronize: true }),
      ],
      controllers: [StandingConsents],
      providers: [ConsentEvents, { provide: READING, useValue: options }],
    }
  }
}
