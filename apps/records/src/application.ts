import { listenToMessages } from '@careseal/nest-jetstream'
import type { ApplicationOptions } from '@careseal/service-kit'
import { RecordsModule } from './app.module.js'
import type { RecordsConfig } from './config.js'

const BODY_LIMIT_BYTES = 32 * 1024 * 1024

/** The service as main.ts runs it and as tests start it. */
export const recordsApplication: ApplicationOptions<RecordsConfig> = {
  name: 'records',
  appModule: (config) => RecordsModule.forRoot(config),
  prefix: 'fhir',
  bodyLimitBytes: BODY_LIMIT_BYTES,
  forms: true,
  onApp: listenToMessages,
}
