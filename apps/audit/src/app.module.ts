import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common'
import { AuthzModule } from '@careseal/authz'
import { EventStoreModule, OpenLeaf, ProjectionModule } from '@careseal/nest-event-store'
import { MessagingModule } from '@careseal/nest-jetstream'
import { tokenAuthority } from '@careseal/service-kit'
import { AccessLogController } from './access-log/access-log.controller.js'
import { AccessLogQuery } from './access-log/access-log.query.js'
import { AccessLogReader, maySee } from './access-log/access-log.reader.js'
import { AuditEventContext, AuditEventController } from './audit-events/audit-event.controller.js'
import type { AuditConfig } from './config.js'
import { ENTITIES } from './entities.js'
import { DenialMonitor } from './monitor/denial.monitor.js'
import { PROJECTIONS } from './projections.js'
import { ReceiptService } from './receipts/receipt.service.js'

@Module({})
export class AppModule implements OnModuleInit {
  static for(config: AuditConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        MessagingModule.forRoot({
          name: 'audit',
          url: config.NATS_URL,
          seedFile: config.NATS_NKEY_SEED_FILE,
          caFile: config.NATS_CA_FILE,
          manageStreams: config.NATS_MANAGE_STREAMS,
        }),
        EventStoreModule.forRoot({
          producer: 'audit',
          databaseUrl: config.DATABASE_URL,
          kmsKeyFile: config.KMS_KEY_FILE,
          ledgerOrigin: config.LEDGER_ORIGIN,
          ledgerUrl: config.LEDGER_URL,
          consumersFile: config.CONSUMERS_FILE,
          entities: ENTITIES,
        }),
        AuthzModule.forRoot({ ...tokenAuthority(config), rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE }),
        ...PROJECTIONS.map((feature) => ProjectionModule.forFeature(feature)),
      ],
      controllers: [AccessLogController, AuditEventController, DenialMonitor],
      providers: [
        AccessLogQuery,
        AccessLogReader,
        ReceiptService,
        { provide: AuditEventContext, useFactory: () => contextOf(config) },
      ],
    }
  }

  constructor(private readonly leaves: OpenLeaf) {}

  onModuleInit(): void {
    this.leaves.authoriseWith(async (caller, { subjectId }) => maySee(caller, subjectId))
  }
}

function contextOf(config: AuditConfig): AuditEventContext {
  return new AuditEventContext({ fhirBase: `${config.PUBLIC_ORIGIN}/fhir`, issuer: tokenAuthority(config).issuer })
}
