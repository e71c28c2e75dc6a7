import { Module } from '@nestjs/common'
import { AccountModule } from '../account/account.module.js'
import { MemberModule } from '../member/member.module.js'
import type { IdentityConfig } from '../config.js'
import { IDENTITY_CONFIG } from '../identity-config.js'
import { readBootstrapClients } from './bootstrap-clients.js'
import { BOOTSTRAP_CLIENTS, BootstrapClientsService } from './bootstrap-clients.service.js'
import { ClientController } from './client.controller.js'
import { ClientService } from './client.service.js'

@Module({
  imports: [MemberModule, AccountModule],
  controllers: [ClientController],
  providers: [
    ClientService,
    BootstrapClientsService,
    {
      provide: BOOTSTRAP_CLIENTS,
      inject: [IDENTITY_CONFIG],
      useFactory: ({ BOOTSTRAP_CLIENTS_FILE: file }: IdentityConfig) => (file ? readBootstrapClients(file) : []),
    },
  ],
})
export class ClientModule {}
