// OpenAPI of this service without its database: the document that `/audit/openapi.json` answers, for docs/generated.
import { describeRoutes, injectedBy } from '@careseal/service-kit'
import { AccessLogController } from './access-log/access-log.controller.js'
import { AuditEventController } from './audit-events/audit-event.controller.js'

const CONTROLLERS = [AccessLogController, AuditEventController]

/** Listens on nothing and connects to nothing. */
export function describeAuditApi() {
  return describeRoutes('audit', { controllers: CONTROLLERS, needed: injectedBy(CONTROLLERS) })
}
