// The authorisation server: SMART Backend Services alone, until the authorisation code flow has its own issue.
import type { JWK } from 'jose'
import { createHmac } from 'node:crypto'
import {
  Provider,
  errors,
  type Adapter,
  type ClientMetadata,
  type Configuration,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import type { ClientBearer } from './provider-adapter.js'
import { ALLOWED_SCOPES, assertionFault, CLOCK_TOLERANCE_SECONDS, fhirUserOf, grantedScopes } from './token-policy.js'

export type ProviderOptions = {
  issuer: string
  /** The one resource that tokens are for: PUBLIC_ORIGIN/fhir. */
  audience: string
  signingKeys: JWK[]
  adapter: (model: string) => Adapter
  onServerError: (error: unknown) => void
}

const TOKEN_SECONDS = 300

export function createProvider(options: ProviderOptions): Provider {
  const provider = new Provider(options.issuer, configurationOf(options))
  // URLs are made from the request's host and scheme, which the controller sets to the public ones.
  provider.proxy = true
  provider.on('server_error', (_context, error) => options.onServerError(error))
  return provider
}

function configurationOf(options: ProviderOptions): Configuration {
  return {
    adapter: options.adapter as never,
    clients: [],
    jwks: { keys: options.signingKeys as never },
    clientAuthMethods: ['private_key_jwt'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES384', 'RS384'],
      idTokenSigningAlgValues: ['ES256'],
    },
    responseTypes: [],
    scopes: [],
    claims: {},
    discovery: discovery(),
    // No flow sets cookies yet; keys that outlive a restart are ready for the one that will.
    cookies: { keys: [cookieKey(options.signingKeys)] },
    clockTolerance: CLOCK_TOLERANCE_SECONDS,
    ttl: { ClientCredentials: TOKEN_SECONDS },
    extraClientMetadata: { properties: ['bearer'] },
    features: features(options),
    formats: { customizers: { jwt: (context, _token, jwt) => nameSubject(context, jwt as never) as never } },
    extraTokenClaims: (context) => bearerClaims(context, options.audience),
    assertJwtClientAuthClaimsAndHeader: checkAssertion,
    findAccount: () => undefined,
    renderError: (context, out) => {
      context.body = out
    },
  }
}

function features({ audience }: ProviderOptions): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (context, resource, client) => {
        if (resource !== audience) throw new errors.InvalidTarget('the only resource is the FHIR base')
        return resourceServer(context, bearerOf(client), audience)
      },
    },
  }
}

// The provider grants the scopes that were requested and that the resource server names; wildcards are no scopes to
// it. So the request is rewritten to what is left of it, and refused if nothing is: an answer without scope is no token.
function resourceServer(context: KoaContextWithOIDC, { links }: ClientBearer, audience: string) {
  const params = context.oidc.params as { scope?: string }
  const scope = grantedScopes(params.scope, links.role).join(' ')
  if (!scope) {
    throw new errors.InvalidScope(
      `request at least one of: ${ALLOWED_SCOPES[links.role].join(' ')}`,
      params.scope ?? '',
    )
  }
  params.scope = scope
  return {
    scope,
    audience,
    accessTokenTTL: TOKEN_SECONDS,
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: 'ES256' } },
  } as const
}

function checkAssertion(_context: KoaContextWithOIDC, claims: Record<string, unknown>): void {
  const fault = assertionFault(claims, Date.now() / 1000)
  if (fault) throw new errors.InvalidClientAuth(fault)
}

function bearerClaims(context: KoaContextWithOIDC, fhirBase: string) {
  const { links } = bearerOf(context.oidc.client!)
  const fhirUser = fhirUserOf(links, fhirBase)
  return { careseal: links, ...(fhirUser ? { fhirUser } : {}) }
}

/** `sub` is the account, not the client: events name who acted, whichever login was used. */
function nameSubject(context: KoaContextWithOIDC, jwt: { payload: Record<string, unknown> }): void {
  // The provider takes what the customizer changed and drops what it returns.
  jwt.payload['sub'] = bearerOf(context.oidc.client!).accountId
}

function bearerOf(client: { metadata(): ClientMetadata }): ClientBearer {
  return client.metadata()['bearer'] as ClientBearer
}

function discovery() {
  const scopes = [...new Set(Object.values(ALLOWED_SCOPES).flat())]
  return { scopes_supported: scopes, authorization_endpoint: undefined, response_modes_supported: undefined }
}

function cookieKey([key]: JWK[]): string {
  return createHmac('sha256', String(key?.d)).update('careseal/v1/cookie-key').digest('base64url')
}
