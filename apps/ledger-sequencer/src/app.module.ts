// All wiring of the sequencer, in reading order.
import { sha256 } from '@careseal/crypto'
import { MessagingModule } from '@careseal/nest-jetstream'
import { HealthRegistry } from '@careseal/service-kit'
import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import type { Pool } from 'pg'
import type { SequencerConfig } from './config.js'
import { AdminEntriesController } from './admission/admin-entries.controller.js'
import { readingPool } from './database/connections.js'
import { FeedController } from './feed/feed.controller.js'
import { LedgerFeed } from './feed/ledger-feed.js'
import { LedgerStatus } from './ledger-status.js'
import { BlocksController } from './reading/blocks.controller.js'
import { GovernanceController } from './reading/governance.controller.js'
import { LedgerReader } from './reading/ledger-reader.js'
import { OpenReads } from './reading/open-reads.js'
import { ProducersController } from './reading/producers.controller.js'
import { ProofsController } from './reading/proofs.controller.js'
import { StatusController } from './reading/status.controller.js'
import { TilesController } from './reading/tiles.controller.js'
import { SEQUENCER_CONFIG, SequencerService, WORK_POOL } from './sequencer.service.js'

export const CONTROLLERS = [
  AdminEntriesController,
  BlocksController,
  FeedController,
  GovernanceController,
  ProducersController,
  ProofsController,
  StatusController,
  TilesController,
]

@Module({})
export class AppModule {
  static forRoot(config: SequencerConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [messagingOf(config)],
      controllers: CONTROLLERS,
      providers: [
        { provide: SEQUENCER_CONFIG, useValue: config },
        { provide: WORK_POOL, useFactory: () => readingPool(config.DATABASE_URL, { name: 'work', max: 4 }) },
        readerOf(config),
        feedOf(config),
        OpenReads,
        statusWithHealth,
        SequencerService,
      ],
    }
  }
}

function messagingOf(config: SequencerConfig): DynamicModule {
  return MessagingModule.forRoot({
    url: config.NATS_URL,
    name: 'ledger-sequencer',
    seedFile: config.NATS_NKEY_SEED_FILE,
    caFile: config.NATS_CA_FILE,
    manageStreams: config.NATS_MANAGE_STREAMS,
  })
}

function readPool(config: SequencerConfig): Pool {
  return readingPool(config.DATABASE_URL, { name: 'reads', max: 8 })
}

function readerOf(config: SequencerConfig): Provider {
  return {
    provide: LedgerReader,
    inject: [LedgerStatus],
    useFactory: (status: LedgerStatus) => new LedgerReader(readPool(config), sha256, status),
  }
}

function feedOf({ FEED_CLIENTS_MAX: clientsMax }: SequencerConfig): Provider {
  const options = { clientsMax, lookMs: 200, heartbeatMs: 15_000, stalledMs: 30_000 }
  return {
    provide: LedgerFeed,
    inject: [LedgerReader],
    useFactory: (reader: LedgerReader) => new LedgerFeed(reader, options),
  }
}

const statusWithHealth: Provider = {
  provide: LedgerStatus,
  inject: [HealthRegistry],
  useFactory: (health: HealthRegistry) => {
    const status = new LedgerStatus()
    health.addReadiness('ledger', () => status.requireConfirmed())
    return status
  },
}
