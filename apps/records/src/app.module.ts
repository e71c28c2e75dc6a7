import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common'
import { AuthzModule } from '@careseal/authz'
import { createFhir } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { EventStoreModule, OpenLeaf } from '@careseal/nest-event-store'
import { MessagingModule } from '@careseal/nest-jetstream'
import { tokenAuthority } from '@careseal/service-kit'
import { ConsentClient } from './access/consent.client.js'
import { BatchService } from './bundles/batch.service.js'
import { TransactionService } from './bundles/transaction.service.js'
import { RECORDS_CONFIG, type RecordsConfig } from './config.js'
import { API_CONTROLLERS } from './describe-api.js'
import { DocsController } from './docs/docs.controller.js'
import { ForwardService } from './http/forward.service.js'
import { ServerBase } from './http/server-base.js'
import { AnswerBudget } from './reading/answer-budget.js'
import { DisclosureService } from './reading/disclosure.service.js'
import { HistoryPages } from './reading/history-pages.js'
import { mayOpen } from './reading/opening-access.js'
import { ReadService } from './reading/read.service.js'
import { ReceiptService } from './reading/receipt.service.js'
import { SearchPages } from './searching/search-pages.js'
import { SearchKeys } from './searching/search-keys.js'
import { SearchService } from './searching/search.service.js'
import { LivingPatients } from './versions/living-patients.js'
import { RecordsDatabase } from './versions/records-database.js'
import { VersionOpener } from './versions/version-opener.js'
import { VersionVault } from './versions/version-vault.js'
import { Idempotency } from './writing/idempotency.js'
import { FhirValidator, ResourceWrites } from './writing/resource-writes.service.js'
import { StoreWrites } from './writing/store-writes.js'
import { WriteAuthorisation } from './writing/write-authorisation.js'
import { WriteSealer } from './writing/write-sealer.js'
import { WriteService } from './writing/write.service.js'
import { WriteTargeting } from './writing/write-targets.js'

const READING = [
  RecordsDatabase,
  LivingPatients,
  VersionOpener,
  ConsentClient,
  DisclosureService,
  ReadService,
  HistoryPages,
  ReceiptService,
]
const SEARCHING = [SearchKeys, SearchService, SearchPages]
const WRITING = [
  WriteTargeting,
  WriteAuthorisation,
  Idempotency,
  WriteSealer,
  StoreWrites,
  WriteService,
  ResourceWrites,
  TransactionService,
  BatchService,
]
const SERVICES = [...READING, ...SEARCHING, ...WRITING, ForwardService]

@Module({})
export class RecordsModule implements OnModuleInit {
  static forRoot(config: RecordsConfig): DynamicModule {
    return {
      module: RecordsModule,
      imports: [
        MessagingModule.forRoot({
          url: config.NATS_URL,
          name: 'records',
          seedFile: config.NATS_NKEY_SEED_FILE,
          caFile: config.NATS_CA_FILE,
          manageStreams: config.NATS_MANAGE_STREAMS,
        }),
        EventStoreModule.forRoot({
          producer: 'records',
          databaseUrl: config.DATABASE_URL,
          kmsKeyFile: config.KMS_KEY_FILE,
          ledgerOrigin: config.LEDGER_ORIGIN,
          ledgerUrl: config.LEDGER_URL,
          consumersFile: config.CONSUMERS_FILE,
        }),
        AuthzModule.forRoot({ ...tokenAuthority(config), rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE }),
      ],
      controllers: [...API_CONTROLLERS, DocsController],
      providers: [
        { provide: RECORDS_CONFIG, useValue: config },
        { provide: ServerBase, useFactory: () => new ServerBase(config.PUBLIC_ORIGIN) },
        { provide: FhirValidator, useFactory: () => new FhirValidator(createFhir(loadDefinitions())) },
        { provide: AnswerBudget, useFactory: () => new AnswerBudget() },
        { provide: VersionVault, useFactory: () => new VersionVault(config.LEDGER_ORIGIN) },
        ...SERVICES,
      ],
    }
  }
  constructor(private readonly leaves: OpenLeaf) {}

  onModuleInit(): void {
    this.leaves.authoriseWith(mayOpen)
  }
}
