// Access tokens for the logins of a stack: client credentials with a signed assertion, as SMART Backend Services asks.
import { importJWK, SignJWT, type JWK } from 'jose'
import { randomUUID } from 'node:crypto'

export type TokenOptions = {
  /** The authorisation server's token endpoint; also the audience of the assertion. */
  tokenUrl: string
  clientId: string
  /** Private ES384 key with its `kid`. */
  key: JWK
  /** The audience of the access token: the FHIR base. */
  resource: string
  scope: string
}

export type AccessToken = { token: string; expiresInSeconds: number; scope: string }

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The authorisation server gave no token: its HTTP status, and in the message its reason. */
export class TokenRefused extends Error {
  override readonly name = 'TokenRefused'

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** Asks for a token. Throws TokenRefused, and what `fetch` throws when nobody answers in time. */
export async function requestToken(options: TokenOptions): Promise<AccessToken> {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    scope: options.scope,
    resource: options.resource,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertion(options),
  })
  const response = await fetch(options.tokenUrl, { method: 'POST', body, signal: AbortSignal.timeout(20_000) })
  const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>
  if (!response.ok) {
    const reason = [answer['error'], answer['error_description'] ?? answer['detail']].filter(Boolean).join(': ')
    throw new TokenRefused(response.status, `no token for ${options.clientId}: ${response.status} ${reason}`)
  }
  const token = answer['access_token']
  if (typeof token !== 'string') {
    const told = `${options.tokenUrl} answered without a token: is this the address of a ledger?`
    throw new TokenRefused(response.status, told)
  }
  return {
    token,
    expiresInSeconds: Number(answer['expires_in']),
    scope: String(answer['scope'] ?? ''),
  }
}

async function assertion({ clientId, key, tokenUrl }: TokenOptions): Promise<string> {
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES384', typ: 'JWT', ...(key.kid ? { kid: key.kid } : {}) })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(tokenUrl)
    .setIssuedAt()
    .setExpirationTime('2m')
    .sign(await importJWK(key, 'ES384'))
}
