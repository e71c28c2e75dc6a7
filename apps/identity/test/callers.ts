// Callers of a running identity: the operator, who makes accounts, and whoever asks for tokens.
import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose'
import { randomUUID } from 'node:crypto'
import { assertion, PUBLIC_ORIGIN, testKey, type RunningIdentity, type TestKey } from './running-identity.js'

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
export const audience = `${PUBLIC_ORIGIN}/fhir`

export type TokenAnswer = {
  access_token: string
  scope: string
  expires_in: number
  token_type: string
  error?: string
  error_description?: string
}
export type Made = { memberId: string; accountId: string; clientId: string; code: string }

export class Callers {
  admin = ''

  constructor(private readonly identity: RunningIdentity) {}

  /** Gets the operator's token, which `call` and `post` use. */
  async signIn(): Promise<this> {
    this.admin = await this.tokenOf('operator', this.identity.operatorKey, 'careseal/admin')
    return this
  }

  /** A POST to the token endpoint. */
  send(form: Record<string, string>): Promise<Response> {
    return fetch(`${this.identity.origin}/auth/token`, { method: 'POST', body: new URLSearchParams(form) })
  }

  /** Asks for a token with an assertion. */
  async ask(clientAssertion: string, scope?: string) {
    const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE }
    const answer = await this.send({
      ...form,
      client_assertion: clientAssertion,
      ...(scope === undefined ? {} : { scope }),
    })
    return { status: answer.status, body: (await answer.json()) as TokenAnswer }
  }

  /** An access token; fails the test if there is none. */
  async tokenOf(clientId: string, key: TestKey, scope: string) {
    const { status, body } = await this.ask(await assertion(clientId, key), scope)
    assert.equal(status, 200, JSON.stringify(body))
    return body.access_token
  }

  /** A call with the operator's token unless another is given. */
  async call(method: string, path: string, options: { body?: object; token?: string; key?: string } = {}) {
    const headers = {
      authorization: `Bearer ${options.token ?? this.admin}`,
      ...(options.body ? { 'content-type': 'application/json' } : {}),
      ...(options.key ? { 'idempotency-key': options.key } : {}),
    }
    const body = options.body ? JSON.stringify(options.body) : null
    const answer = await fetch(this.identity.origin + path, { method, headers, body })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : {}) as Made }
  }

  /** A POST by the operator that must succeed. */
  async post(path: string, body: object) {
    const answer = await this.call('POST', path, { body })
    assert.equal(answer.status, 201, JSON.stringify(answer.body))
    return answer.body
  }

  /** A practitioner of a new member, with a login. */
  async practitioner(organizationId?: string) {
    const practitionerId = randomUUID()
    const { memberId } = await this.post('/auth/members', {
      kind: 'hospital',
      name: 'canary-member',
      ...(organizationId ? { organizationId } : {}),
    })
    const { accountId } = await this.post('/auth/practitioners', {
      memberId,
      practitionerId,
      name: 'canary-practitioner',
    })
    return { memberId, accountId, practitionerId, ...(await this.login(accountId)) }
  }

  async login(accountId: string) {
    const key = await testKey()
    const { clientId } = await this.post('/auth/clients', { accountId, name: 'canary-login', jwk: key.jwk })
    return { clientId, key }
  }

  /** What an access token says, after verifying it as a resource server would. */
  async claimsOf(token: string) {
    const keys = createRemoteJWKSet(new URL(`${this.identity.origin}/auth/jwks`))
    const verified = await jwtVerify(token, keys, { issuer: `${PUBLIC_ORIGIN}/auth`, audience, typ: 'at+jwt' })
    return verified.payload as JWTPayload & Record<string, unknown>
  }
}
