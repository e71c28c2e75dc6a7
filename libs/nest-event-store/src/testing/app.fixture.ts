// A small service around EventStoreModule, with real Postgres and NATS handed in by the test.
import { eventStoreSql, EventStore, type NewEvent, type Tx } from '@careseal/event-store'
import { keySchemaSql } from '@careseal/keys'
import type { LedgerEvent } from '@careseal/messaging'
import { MessagingModule } from '@careseal/nest-jetstream'
import { createLogger } from '@careseal/observability'
import { baseConfig, loadConfig, Public, startApplication, type Application } from '@careseal/service-kit'
import { Controller, Get, Injectable, Module, Post } from '@nestjs/common'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { z } from 'zod'
import { EventStoreModule } from '../event-store.module.js'
import type { EventStoreModuleOptions } from '../event-store.options.js'
import { EventTransactions } from '../producer/event-transactions.service.js'
import { ProjectionModule, type Projection } from '../projection/projection.module.js'

export function searchPerformed(overrides: Partial<NewEvent<'SearchPerformed'>> = {}): NewEvent<'SearchPerformed'> {
  return {
    streamId: `search-${randomUUID()}`,
    type: 'SearchPerformed',
    subjectId: randomUUID(),
    data: { actorId: randomUUID(), role: 'practitioner', type: 'Observation', purpose: 'TREAT', matches: 3 },
    ...overrides,
  }
}

@Controller('try')
@Public()
class TryController {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
  ) {}

  @Get()
  read() {
    return { answer: 'served' }
  }

  @Post()
  async write() {
    const [event] = await this.transactions.run(({ sql }) => {
      return this.store.append(sql, [searchPerformed({ private: { query: 'code=1' } })])
    })
    return { id: event!.id }
  }
}

/** Counts what it sees, so that a double or a gap shows. */
@Injectable()
export class SeenProjection implements Projection {
  async apply({ sql }: Tx, events: readonly LedgerEvent[]): Promise<void> {
    const ids = events.map((event) => event.event.id)
    await sql.query('INSERT INTO seen (event_id) SELECT unnest($1::uuid[])', [ids])
  }

  async truncate({ sql }: Tx): Promise<void> {
    await sql.query('DELETE FROM seen')
  }
}

export async function migrate(ownerUrl: string): Promise<void> {
  const owner = new Client(ownerUrl)
  await owner.connect()
  await owner.query(eventStoreSql('records') + keySchemaSql('records'))
  await owner.query('CREATE TABLE seen (event_id uuid PRIMARY KEY); GRANT SELECT, INSERT, DELETE ON seen TO records')
  await owner.end()
}

type Given = 'databaseUrl' | 'kmsKeyFile' | 'ledgerOrigin' | 'ledgerUrl' | 'consumersFile'
export type TryOptions = Pick<EventStoreModuleOptions, Given> & { natsUrl: string }

export async function startTry({ natsUrl, ...options }: TryOptions): Promise<Application> {
  @Module({
    imports: [
      MessagingModule.forRoot({ url: natsUrl, name: 'records' }),
      EventStoreModule.forRoot({ producer: 'records', ...options }),
      ProjectionModule.forFeature({ name: 'seen', producers: ['records'], projection: SeenProjection }),
    ],
    controllers: [TryController],
  })
  class TryModule {}
  const config = loadConfig(z.object(baseConfig), {
    PORT: '0',
    METRICS_PORT: '0',
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
  })
  const logger = createLogger({ service: 'records', level: 'silent' })
  return startApplication({ name: 'records', prefix: 'try', appModule: () => TryModule }, config, logger)
}
