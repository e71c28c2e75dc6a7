import { AuthzModule } from '@careseal/authz'
import { EventStoreModule } from '@careseal/nest-event-store'
import { MessagingModule } from '@careseal/nest-jetstream'
import { tokenAuthority } from '@careseal/service-kit'
import { Module, type DynamicModule } from '@nestjs/common'
import { AccountModule } from './account/account.module.js'
import { ClientModule } from './client/client.module.js'
import { CommandsModule } from './commands/commands.module.js'
import type { IdentityConfig } from './config.js'
import { DirectoryModule } from './directory/directory.module.js'
import { IDENTITY_CONFIG } from './identity-config.js'
import { MemberModule } from './member/member.module.js'
import { OpenLeafPolicy } from './open-leaf-policy.js'
import { TokenModule } from './token/token.module.js'

@Module({ providers: [OpenLeafPolicy] })
export class AppModule {
  static forRoot(config: IdentityConfig): DynamicModule {
    return {
      module: AppModule,
      global: true,
      imports: [
        AuthzModule.forRoot({ ...tokenAuthority(config), rateLimitPerMinute: config.RATE_LIMIT_PER_MINUTE }),
        MessagingModule.forRoot({
          url: config.NATS_URL,
          name: 'identity',
          seedFile: config.NATS_NKEY_SEED_FILE,
          caFile: config.NATS_CA_FILE,
          manageStreams: config.NATS_MANAGE_STREAMS,
        }),
        EventStoreModule.forRoot({
          producer: 'identity',
          databaseUrl: config.DATABASE_URL,
          kmsKeyFile: config.KMS_KEY_FILE,
          ledgerOrigin: config.LEDGER_ORIGIN,
          ledgerUrl: config.LEDGER_URL,
          consumersFile: config.CONSUMERS_FILE,
        }),
        DirectoryModule,
        CommandsModule,
        MemberModule,
        AccountModule,
        ClientModule,
        TokenModule,
      ],
      providers: [{ provide: IDENTITY_CONFIG, useValue: config }],
      exports: [IDENTITY_CONFIG],
    }
  }
}
