import { tokenAuthority } from '@careseal/service-kit'
import { Logger, Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { DataSource } from 'typeorm'
import type { IdentityConfig } from '../config.js'
import { IDENTITY_CONFIG } from '../identity-config.js'
import { adapterOf } from './provider-adapter.js'
import { PROVIDER, ProviderController } from './provider.controller.js'
import { createProvider } from './provider.factory.js'
import { ProviderRecordEntity } from './provider-record.entity.js'
import { ProviderRecordCleaner } from './provider-record-cleaner.js'
import { SigningKeyEntity } from './signing-key.entity.js'
import { SigningKeys } from './signing-keys.service.js'

@Module({
  imports: [TypeOrmModule.forFeature([SigningKeyEntity, ProviderRecordEntity])],
  controllers: [ProviderController],
  providers: [
    SigningKeys,
    ProviderRecordCleaner,
    {
      provide: PROVIDER,
      inject: [IDENTITY_CONFIG, SigningKeys, DataSource],
      useFactory: async (config: IdentityConfig, keys: SigningKeys, dataSource: DataSource) => {
        const { issuer, audience } = tokenAuthority(config)
        const logger = new Logger('oidc-provider')
        return createProvider({
          issuer,
          audience,
          signingKeys: await keys.load(),
          adapter: adapterOf(dataSource),
          onServerError: (error) => logger.error({ err: error }, 'the token endpoint failed'),
        })
      },
    },
  ],
})
export class TokenModule {}
