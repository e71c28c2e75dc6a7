// Everything that makes a NestJS service a producer of provable events.
import { sha256, utf8 } from '@careseal/crypto'
import { EventStore } from '@careseal/event-store'
import { fileKms, SubjectKeys } from '@careseal/keys'
import { currentTraceparent } from '@careseal/observability'
import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import { APP_GUARD } from '@nestjs/core'
import { TypeOrmModule } from '@nestjs/typeorm'
import { randomBytes, randomUUID } from 'node:crypto'
import { requestDataSource } from './database/data-source.js'
import { DatabaseWatch } from './database/database-watch.js'
import { ProducerDatabase, reportBrokenConnection } from './database/producer-database.js'
import { EVENT_STORE_OPTIONS, optionsProvider, type EventStoreModuleOptions } from './event-store.options.js'
import { HealthContributors } from './health-contributors.js'
import { LedgerClient } from './ledger/ledger.client.js'
import { Receipts } from './ledger/receipts.service.js'
import { SealFollowerService } from './ledger/seal-follower.service.js'
import { SignerClient } from './ledger/signer.client.js'
import { ConsumerGrants } from './producer/consumer-grants.service.js'
import { DestroyKeysCommand } from './producer/destroy-keys-command.service.js'
import { EventTransactions } from './producer/event-transactions.service.js'
import { IdempotencyPurge } from './producer/idempotency-purge.service.js'
import { OutboxCommands } from './producer/outbox-commands.service.js'
import { ProducerGuard } from './producer/producer-guard.service.js'
import { OpenLeafCommand } from './producer/open-leaf-command.service.js'
import { OpenLeaf } from './producer/open-leaf.service.js'
import { RelayService } from './producer/relay.service.js'
import { ServingGuard } from './producer/serving.guard.js'
import { Tombstones } from './producer/tombstones.service.js'

/** The subject id that stands for the deployment itself: a UUID made from the ledger's origin, the same in all services. */
export function deploymentIdOf(origin: string): string {
  const bytes = Buffer.from(sha256(utf8(`careseal/v1/deployment\n${origin}`)).subarray(0, 16))
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

const SHARED = [EventTransactions, Receipts, OpenLeaf, ProducerGuard, LedgerClient, RelayService]

/**
 * Gives the app EventStore, EventTransactions, SubjectKeys, Receipts, OpenLeaf, ProducerGuard and a DataSource.
 *
 * Needs MessagingModule (token NATS) and service-kit's HealthModule. Refuses HTTP until the ledger confirms us.
 */
@Module({})
export class EventStoreModule {
  static forRoot(options: EventStoreModuleOptions): DynamicModule {
    const watch = new DatabaseWatch()
    const dataSource = requestDataSource(options, watch, (error) => reportBrokenConnection(error, watch))
    return {
      module: EventStoreModule,
      global: true,
      imports: [TypeOrmModule.forRoot({ ...dataSource, autoLoadEntities: true, retryAttempts: 20, retryDelay: 1_000 })],
      providers: [
        optionsProvider(options),
        { provide: DatabaseWatch, useValue: watch },
        ...stores(options),
        ...SHARED,
        { provide: ProducerDatabase, useFactory: () => ProducerDatabase.open(options, watch) },
        HealthContributors,
        SignerClient,
        Tombstones,
        ConsumerGrants,
        OutboxCommands,
        OpenLeafCommand,
        DestroyKeysCommand,
        IdempotencyPurge,
        SealFollowerService,
        { provide: APP_GUARD, useClass: ServingGuard },
      ],
      exports: [...SHARED, EventStore, SubjectKeys, EVENT_STORE_OPTIONS],
    }
  }
}

function stores(options: EventStoreModuleOptions): Provider[] {
  const keys = () => new SubjectKeys({ kms: fileKms(options.kmsKeyFile), randomBytes, randomUuid: randomUUID })
  const store = (subjectKeys: SubjectKeys, { producer }: ProducerDatabase) =>
    new EventStore({
      producer,
      origin: options.ledgerOrigin,
      deploymentId: deploymentIdOf(options.ledgerOrigin),
      acquireKeys: (sql, subjectIds, how) => subjectKeys.acquire(sql, subjectIds, how),
      acquireKeyVersions: (sql, keyIds) => subjectKeys.acquireVersions(sql, keyIds),
      randomBytes,
      randomUuid: randomUUID,
      traceparent: currentTraceparent,
    })
  return [
    { provide: SubjectKeys, useFactory: keys },
    { provide: EventStore, useFactory: store, inject: [SubjectKeys, ProducerDatabase] },
  ]
}
