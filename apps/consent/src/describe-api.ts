// OpenAPI of this service without its database: the document that `/consent/openapi.json` answers, for docs/generated.
import { describeRoutes, injectedBy } from '@careseal/service-kit'
import { ConsentController } from './consent/consent.controller.js'

const CONTROLLERS = [ConsentController]

/** Listens on nothing and connects to nothing. */
export function describeConsentApi() {
  return describeRoutes('consent', { controllers: CONTROLLERS, needed: injectedBy(CONTROLLERS) })
}
