// OpenAPI of this service without its database: the document that `/auth/openapi.json` answers, for docs/generated.
import { describeRoutes, injectedBy } from '@careseal/service-kit'
import { AccountController } from './account/account.controller.js'
import { ClientController } from './client/client.controller.js'
import { MemberController } from './member/member.controller.js'
import { ProviderController } from './token/provider.controller.js'

const CONTROLLERS = [MemberController, AccountController, ClientController, ProviderController]

/** Listens on nothing and connects to nothing. */
export function describeIdentityApi() {
  return describeRoutes('identity', { controllers: CONTROLLERS, needed: injectedBy(CONTROLLERS) })
}
