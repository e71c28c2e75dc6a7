import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common'
import { AuthzModule } from '@careseal/authz'
import { createFhir } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { SubjectKeys } from '@careseal/keys'
import { EventStoreModule, OpenLeaf } from '@careseal/nest-event-store'
import { MessagingModule } from '@careseal/nest-jetstream'
import { tokenAuthority } from '@careseal/service-kit'
import type { ConsentConfig } from './config.js'
import { ConsentReader } from './consent/consent-reader.js'
import { ConsentVault } from './consent/consent-vault.js'
import { ConsentWrites } from './consent/consent-writes.service.js'
import { ConsentController } from './consent/consent.controller.js'
import { ConsentRecorders, ConsentService } from './consent/consent.service.js'
import { FhirEdge } from './consent/fhir-edge.js'
import { mayOpen } from './consent/opening-access.js'
import { DecisionConsumer } from './decisions/decision.consumer.js'
import { ENTITIES } from './entities.js'
import { DecisionPolicy, DecisionService } from './decisions/decision.service.js'
import { ReachablePatients } from './decisions/reachable-patients.query.js'

@Module({})
export class AppModule implements OnModuleInit {
  static for(config: ConsentConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        MessagingModule.forRoot({
          name: 'consent',
          url: config.NATS_URL,
          seedFile: config.NATS_NKEY_SEED_FILE,
          caFile: config.NATS_CA_FILE,
          manageStreams: config.NATS_MANAGE_STREAMS,
        }),
        EventStoreModule.forRoot({
          producer: 'consent',
          databaseUrl: config.DATABASE_URL,
          kmsKeyFile: config.KMS_KEY_FILE,
          ledgerOrigin: config.LEDGER_ORIGIN,
          ledgerUrl: config.LEDGER_URL,
          consumersFile: config.CONSUMERS_FILE,
          entities: ENTITIES,
        }),
        AuthzModule.forRoot({ ...tokenAuthority(config), rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE }),
      ],
      controllers: [ConsentController, DecisionConsumer],
      providers: [
        ConsentService,
        ConsentWrites,
        ConsentReader,
        DecisionService,
        ReachablePatients,
        { provide: FhirEdge, useFactory: () => fhirEdge(config) },
        { provide: ConsentVault, useFactory: vaultOf(config), inject: [SubjectKeys] },
        { provide: ConsentRecorders, useValue: new ConsentRecorders(new Set(config.CONSENT_RECORDERS)) },
        { provide: DecisionPolicy, useValue: policyOf(config) },
      ],
    }
  }

  constructor(private readonly leaves: OpenLeaf) {}

  onModuleInit(): void {
    this.leaves.authoriseWith(mayOpen)
  }
}

function fhirEdge(config: ConsentConfig): FhirEdge {
  return new FhirEdge(`${config.PUBLIC_ORIGIN}/fhir`, createFhir(loadDefinitions()).validateResource)
}

function vaultOf(config: ConsentConfig) {
  return (keys: SubjectKeys) => new ConsentVault(keys, config.LEDGER_ORIGIN)
}

function policyOf(config: ConsentConfig): DecisionPolicy {
  return new DecisionPolicy({ read: config.CONSENT_DEFAULT_POLICY, write: config.CONSENT_DEFAULT_WRITE })
}
