// OpenAPI of this service without its database: the document that `/fhir/openapi.json` answers, for docs/generated.
import { describeRoutes, injectedBy } from '@careseal/service-kit'
import { BundleController } from './bundles/bundle.controller.js'
import { CapabilityController } from './http/capability.controller.js'
import { ForwardController } from './http/forward.controller.js'
import { ReadController } from './http/read.controller.js'
import { SearchController } from './http/search.controller.js'
import { WriteController } from './http/write.controller.js'

/** Those whose routes the document describes. */
export const API_CONTROLLERS = [
  CapabilityController,
  ForwardController,
  BundleController,
  SearchController,
  ReadController,
  WriteController,
]

/** Listens on nothing and connects to nothing. */
export function describeRecordsApi() {
  return describeRoutes('records', { controllers: API_CONTROLLERS, needed: injectedBy(API_CONTROLLERS) })
}
