import { listenToMessages } from '@careseal/nest-jetstream'
import type { ApplicationOptions } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import type { ConsentConfig } from './config.js'

/** The service as main.ts runs it and as tests start it. */
export const consentApplication: ApplicationOptions<ConsentConfig> = {
  name: 'consent',
  prefix: 'consent',
  forms: true,
  appModule: (settings) => AppModule.for(settings),
  onApp: listenToMessages,
}
