// What main.ts runs and the tests start.
import type { ApplicationOptions } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import type { IdentityConfig } from './config.js'
import { leaveFormsToProvider } from './token/provider.controller.js'

export const application: ApplicationOptions<IdentityConfig> = {
  name: 'identity',
  prefix: 'auth',
  appModule: (config) => AppModule.forRoot(config),
  onApp: leaveFormsToProvider,
}
