import { listenToMessages } from '@careseal/nest-jetstream'
import type { ApplicationOptions } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import type { AuditConfig } from './config.js'

/** The service as main.ts runs it and as tests start it. */
export const auditApplication: ApplicationOptions<AuditConfig> = {
  name: 'audit',
  prefix: 'audit',
  appModule: (settings) => AppModule.for(settings),
  onApp: listenToMessages,
}
