// Verifies access tokens as RFC 9068 wants them: at+jwt, our issuer, our audience, an algorithm from a list of two, and
// short-lived. The keys come from the issuer's JWKS; when it cannot be reached, nobody gets in (503).
import { Caller } from '@careseal/contracts'
import { callService, MessagingError } from '@careseal/messaging'
import { HttpProblem } from '@careseal/service-kit'
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'

export type AuthzOptions = {
  issuer: string
  audience: string
  /** Where the issuer's public keys are. */
  jwksUrl: string
  /** Requests that one client may make in a minute. */
  rateLimitPerMinute?: number
}

const ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519']
const AGE_MAX_SECONDS = 300
const CLOCK_TOLERANCE_SECONDS = 5
const JWKS_DEADLINE_MS = 2000

/** Turns an Authorization header into its caller. Throws HttpProblem 401 with a code per fault, or 503. */
export class AccessTokens {
  private readonly keys: JWTVerifyGetKey

  constructor(
    private readonly options: AuthzOptions,
    keys?: JWTVerifyGetKey,
  ) {
    this.keys = keys ?? remoteKeys(options.jwksUrl)
  }

  async callerOf(authorization: string | undefined): Promise<Caller> {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1]
    if (!token) throw unauthenticated('token-missing', 'An access token is needed: Authorization: Bearer <token>.')
    return callerFrom(await this.verify(token))
  }

  private async verify(token: string): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(token, this.keys, {
        issuer: this.options.issuer,
        audience: this.options.audience,
        algorithms: ALGORITHMS,
        typ: 'at+jwt',
        maxTokenAge: AGE_MAX_SECONDS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'iat', 'sub', 'client_id'],
      })
      return payload
    } catch (error) {
      throw refusalOf(error)
    }
  }
}

// jose keeps the keys for ten minutes and asks again for an unknown kid at most every 30 seconds.
function remoteKeys(jwksUrl: string): JWTVerifyGetKey {
  return createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: JWKS_DEADLINE_MS,
    [customFetch]: (url, { headers }) =>
      callService('identity.jwks', url, { headers, redirect: 'manual', deadlineMs: JWKS_DEADLINE_MS }),
  })
}

function callerFrom(payload: JWTPayload): Caller {
  const { sub, client_id: clientId, scope, careseal } = payload
  const scopes = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []
  const links = typeof careseal === 'object' && careseal !== null ? careseal : {}
  const caller = Caller.safeParse({ ...links, accountId: sub, clientId, scopes })
  if (!caller.success) throw invalid('token-invalid', 'The access token does not say who calls.')
  return caller.data
}

function refusalOf(error: unknown): HttpProblem {
  if (error instanceof errors.JWTExpired) return invalid('token-expired', 'The access token has expired.')
  if (error instanceof errors.JWTClaimValidationFailed) return wrongClaim(error.claim)
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return invalid('token-wrong-algorithm', 'The access token must be signed with ES256 or EdDSA.')
  }
  if (error instanceof errors.JWKSTimeout || error instanceof MessagingError) return issuerUnreachable(error)
  if (error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC') {
    return invalid('token-invalid', 'The access token is not one of ours.')
  }
  return issuerUnreachable(error)
}

function wrongClaim(claim: string): HttpProblem {
  if (claim === 'aud') return invalid('token-wrong-audience', 'The access token is meant for another service.')
  if (claim === 'iss') return invalid('token-wrong-issuer', 'The access token comes from another issuer.')
  if (claim === 'typ') return invalid('token-wrong-type', 'This is a token, but no access token.')
  return invalid('token-invalid', 'The access token lacks a claim.')
}

function issuerUnreachable(cause: unknown): HttpProblem {
  return new HttpProblem(503, 'issuer-unreachable', 'Access tokens cannot be checked now; try again.', {
    headers: { 'retry-after': '1' },
    cause,
  })
}

function unauthenticated(code: string, detail: string): HttpProblem {
  return new HttpProblem(401, code, detail, { headers: { 'www-authenticate': 'Bearer realm="careseal"' } })
}

function invalid(code: string, detail: string): HttpProblem {
  const challenge = `Bearer realm="careseal", error="invalid_token", error_description="${code}"`
  return new HttpProblem(401, code, detail, { headers: { 'www-authenticate': challenge } })
}
