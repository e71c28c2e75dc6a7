import { listenToMessages } from '@careseal/nest-jetstream'
import type { ApplicationOptions } from '@careseal/service-kit'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { IncomingMessage, Server } from 'node:http'
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
  onApp: async (app) => {
    acceptBaseWithSlash(app)
    await listenToMessages(app)
  },
}

// Clients write the base of a transaction with or without a slash; the router would take `/fhir/` for a type without name.
function acceptBaseWithSlash(app: NestFastifyApplication): void {
  const server = app.getHttpServer() as Server
  server.prependListener('request', (request: IncomingMessage) => {
    if (request.url) request.url = request.url.replace(/^\/fhir\/(?=\?|$)/, '/fhir')
  })
}
