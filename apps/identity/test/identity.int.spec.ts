// Identity as its callers meet it, over HTTP: who gets a token, what stands in it, and who may make accounts.
import { undeclaredRoutes } from '@careseal/authz'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  assertion,
  type ClaimChanges,
  PUBLIC_ORIGIN,
  runIdentity,
  testKey,
  type RunningIdentity,
  type TestKey,
} from './running-identity.js'

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const audience = `${PUBLIC_ORIGIN}/fhir`

type TokenAnswer = {
  access_token: string
  scope: string
  expires_in: number
  token_type: string
  error?: string
  error_description?: string
}
type Made = { memberId: string; accountId: string; clientId: string; code: string }

describe('identity', () => {
  let identity: RunningIdentity
  let admin: string

  beforeAll(async () => {
    identity = await runIdentity()
    admin = await tokenOf('operator', identity.operatorKey, 'careseal/admin')
  })
  afterAll(() => identity.stop())

  const send = (form: Record<string, string>) =>
    fetch(`${identity.origin}/auth/token`, { method: 'POST', body: new URLSearchParams(form) })
  const ask = async (clientAssertion: string, scope?: string) => {
    const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE }
    const answer = await send({ ...form, client_assertion: clientAssertion, ...(scope === undefined ? {} : { scope }) })
    return { status: answer.status, body: (await answer.json()) as TokenAnswer }
  }
  const tokenOf = async (clientId: string, key: TestKey, scope: string) => {
    const { status, body } = await ask(await assertion(clientId, key), scope)
    expect(status, JSON.stringify(body)).toBe(200)
    return body.access_token
  }
  const call = async (method: string, path: string, options: { body?: object; token?: string; key?: string } = {}) => {
    const headers = {
      authorization: `Bearer ${options.token ?? admin}`,
      ...(options.body ? { 'content-type': 'application/json' } : {}),
      ...(options.key ? { 'idempotency-key': options.key } : {}),
    }
    const body = options.body ? JSON.stringify(options.body) : null
    const answer = await fetch(identity.origin + path, { method, headers, body })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, body: (text ? JSON.parse(text) : {}) as Made }
  }
  const post = async (path: string, body: object) => {
    const answer = await call('POST', path, { body })
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    return answer.body
  }
  const practitioner = async (organizationId?: string) => {
    const practitionerId = randomUUID()
    const { memberId } = await post('/auth/members', {
      kind: 'hospital',
      name: 'canary-member',
      ...(organizationId ? { organizationId } : {}),
    })
    const { accountId } = await post('/auth/practitioners', { memberId, practitionerId, name: 'canary-practitioner' })
    return { memberId, accountId, practitionerId, ...(await login(accountId)) }
  }
  const login = async (accountId: string) => {
    const key = await testKey()
    const { clientId } = await post('/auth/clients', { accountId, name: 'canary-login', jwk: key.jwk })
    return { clientId, key }
  }
  const claimsOf = async (token: string) => {
    const keys = createRemoteJWKSet(new URL(`${identity.origin}/auth/jwks`))
    const verified = await jwtVerify(token, keys, { issuer: `${PUBLIC_ORIGIN}/auth`, audience, typ: 'at+jwt' })
    return verified.payload as JWTPayload & Record<string, unknown>
  }

  it('publishes its metadata under its public origin, whatever host is asked for', async () => {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      const answer = await fetch(`${identity.origin}/auth/.well-known/${name}`, {
        headers: { 'x-forwarded-host': 'evil.example' },
      })
      expect(await answer.json()).toMatchObject({
        issuer: `${PUBLIC_ORIGIN}/auth`,
        token_endpoint: `${PUBLIC_ORIGIN}/auth/token`,
        jwks_uri: `${PUBLIC_ORIGIN}/auth/jwks`,
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
        token_endpoint_auth_signing_alg_values_supported: ['ES384', 'RS384'],
      })
    }
  })

  it('has declared all its routes and describes them', async () => {
    expect(undeclaredRoutes(identity.app())).toEqual([])
    const document = (await (await fetch(`${identity.origin}/auth/openapi.json`)).json()) as { paths: object }
    const paths = ['members', 'practitioners', 'patients', 'staff', 'clients', 'accounts/{id}', 'token', 'jwks']
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(paths.map((path) => `/auth/${path}`)))
  })

  it('shows public keys alone', async () => {
    const { keys } = (await (await fetch(`${identity.origin}/auth/jwks`)).json()) as { keys: Record<string, string>[] }
    expect(keys).toHaveLength(1)
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    expect(keys[0]).not.toHaveProperty('d')
  })

  describe('a token', () => {
    it('says who its bearer is and lives for five minutes', async () => {
      const organizationId = randomUUID()
      const { accountId, practitionerId, memberId, clientId, key } = await practitioner(organizationId)
      const { status, body } = await ask(await assertion(clientId, key), 'user/*.rs')
      expect(status).toBe(200)
      expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'user/*.rs' })
      expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      const claims = await claimsOf(body.access_token)
      expect(claims).toMatchObject({
        sub: accountId,
        client_id: clientId,
        aud: audience,
        scope: 'user/*.rs',
        fhirUser: `${audience}/Practitioner/${practitionerId}`,
        careseal: { role: 'practitioner', memberId, practitionerId, organizationId },
      })
      expect(claims.exp! - claims.iat!).toBe(300)
      expect(JSON.stringify(claims)).not.toContain('canary')
    })

    it("of a patient's own account names the patient", async () => {
      const patientId = randomUUID()
      const { accountId } = await post('/auth/patients', { patientId, name: 'canary-patient' })
      const { clientId, key } = await login(accountId)
      const { body } = await ask(await assertion(clientId, key), 'patient/*.cruds openid')
      expect(body.scope).toBe('patient/*.rs patient/Consent.cruds')
      expect(await claimsOf(body.access_token)).toMatchObject({
        sub: accountId,
        fhirUser: `${audience}/Patient/${patientId}`,
        careseal: { role: 'patient', patientId },
      })
    })

    it('of a system may be had with an RS384 key', async () => {
      const key = await testKey('RS384')
      const { memberId } = await post('/auth/members', { kind: 'laboratory', name: 'canary-laboratory' })
      const { clientId, accountId } = await post('/auth/clients', { memberId, name: 'canary-system', jwk: key.jwk })
      const token = await tokenOf(clientId, key, 'system/Observation.cruds')
      expect(await claimsOf(token)).toMatchObject({ sub: accountId, careseal: { role: 'system', memberId } })
    })

    it.each([
      ['a scope of another level', 'system/*.rs'],
      ['a narrowed scope, which nothing can enforce yet', 'user/Observation.rs?category=laboratory'],
      ['letters out of order', 'user/Patient.sr'],
      ['no FHIR scope at all', 'careseal/admin openid'],
      ['no scope', undefined],
    ])('is refused when %s is requested and nothing is left', async (_case, scope) => {
      const { clientId, key } = await practitioner()
      const { status, body } = await ask(await assertion(clientId, key), scope)
      expect([status, body]).toMatchObject([400, { error: 'invalid_scope' }])
      expect(body).not.toHaveProperty('access_token')
    })

    it('is for the FHIR base alone', async () => {
      const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, scope: 'careseal/admin' }
      const clientAssertion = await assertion('operator', identity.operatorKey)
      const answer = await send({
        ...form,
        client_assertion: clientAssertion,
        resource: 'http://elsewhere.example/fhir',
      })
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_target' }])
    })
  })

  describe('an assertion', () => {
    const now = Math.floor(Date.now() / 1000)
    it.each<[string, ClaimChanges]>([
      ['whose exp is more than five minutes ahead', { exp: now + 1800 }],
      ['that has expired', { iat: now - 600, exp: now - 300 }],
      ['without a jti', { jti: undefined }],
      ['for another audience', { aud: 'http://elsewhere.example/token' }],
      ['of another subject', { sub: 'operator', iss: 'somebody' }],
    ])('%s is refused', async (_case, changes) => {
      const { status, body } = await ask(await assertion('operator', identity.operatorKey, changes), 'careseal/admin')
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    })

    it('is used once', async () => {
      const once = await assertion('operator', identity.operatorKey)
      expect((await ask(once, 'careseal/admin')).status).toBe(200)
      expect(await ask(once, 'careseal/admin')).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    })

    it('is used once even by many at the same time', async () => {
      const once = await assertion('operator', identity.operatorKey)
      const answers = await Promise.all(Array.from({ length: 8 }, () => ask(once, 'careseal/admin')))
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => 401)])
    })

    it('is remembered over a restart, and so is the signing key', async () => {
      const kidOf = async () =>
        decodeProtectedHeader(await tokenOf('operator', identity.operatorKey, 'careseal/admin')).kid
      const once = await assertion('operator', identity.operatorKey)
      expect((await ask(once, 'careseal/admin')).status).toBe(200)
      const kid = await kidOf()
      await identity.restart()
      expect((await ask(once, 'careseal/admin')).status).toBe(401)
      expect(await kidOf()).toBe(kid)
      expect((await call('GET', '/auth/members')).status).toBe(200)
    })

    it('of an unknown client or with a foreign key is refused', async () => {
      const foreign = await testKey()
      expect((await ask(await assertion('nobody', foreign), 'careseal/admin')).status).toBe(401)
      expect((await ask(await assertion('operator', foreign), 'careseal/admin')).status).toBe(401)
    })
  })

  describe('the directory', () => {
    it('lists without names, and with the names of a page on request', async () => {
      const { accountId } = await post('/auth/staff', { role: 'auditor', name: 'canary-auditor' })
      const bare = (await call('GET', '/auth/staff?limit=200')).body as unknown as { items: { accountId: string }[] }
      expect(bare.items.find((item) => item.accountId === accountId)).toEqual({
        accountId,
        role: 'auditor',
        closed: false,
      })
      const named = (await call('GET', '/auth/staff?names=true')).body as unknown as { items: object[] }
      expect(named.items).toContainEqual({ accountId, role: 'auditor', closed: false, name: 'canary-auditor' })
    })

    it('pages through all of it', async () => {
      const ids: string[] = []
      let after: string | undefined
      do {
        const answer = await call('GET', `/auth/members?limit=2${after ? `&after=${after}` : ''}`)
        const page = answer.body as unknown as { items: Made[]; next?: string }
        ids.push(...page.items.map(({ memberId }) => memberId))
        after = page.next
      } while (after)
      const all = (await call('GET', '/auth/members?limit=200')).body as unknown as { items: Made[] }
      expect(ids).toEqual(all.items.map(({ memberId }) => memberId))
      expect(ids.length).toBeGreaterThan(2)
    })

    it.each([
      ['/auth/practitioners', { memberId: randomUUID(), name: 'x' }, 422, 'unknown-member'],
      ['/auth/practitioners', { name: 'x' }, 400, 'invalid-request'],
      ['/auth/members', { kind: 'circus', name: 'x' }, 400, 'invalid-request'],
      ['/auth/patients', { patientId: 'x', name: 'x' }, 400, 'invalid-request'],
      ['/auth/staff', { role: 'patient', name: 'x' }, 400, 'invalid-request'],
      ['/auth/staff', { role: 'auditor', name: 'x', more: 1 }, 400, 'invalid-request'],
    ])('refuses a POST to %s with %j: %i %s', async (path, body, status, code) => {
      const answer = await call('POST', path, { body })
      expect([answer.status, answer.body.code]).toEqual([status, code])
    })

    it('refuses a client for an unknown account, and a key with its private half', async () => {
      const key = await testKey()
      const unknown = await call('POST', '/auth/clients', {
        body: { accountId: randomUUID(), name: 'x', jwk: key.jwk },
      })
      expect([unknown.status, unknown.body.code]).toEqual([404, 'unknown-account'])
      const { accountId } = await practitioner()
      const jwk = { ...key.jwk, d: key.jwk.x }
      const secret = await call('POST', '/auth/clients', { body: { accountId, name: 'x', jwk } })
      expect([secret.status, secret.body.code]).toEqual([400, 'invalid-request'])
    })

    it('makes one account for one idempotency key, and the same answer', async () => {
      const key = randomUUID()
      const body = { role: 'auditor', name: 'canary-once' }
      const answers = await Promise.all([1, 2, 3].map(() => call('POST', '/auth/staff', { body, key })))
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
      expect(new Set(answers.map((answer) => answer.body.accountId)).size).toBe(1)
      expect(answers[0]!.headers.get('location')).toBe(`/auth/accounts/${answers[0]!.body.accountId}`)
      const other = await call('POST', '/auth/staff', { body: { ...body, name: 'canary-other' }, key })
      expect([other.status, other.body.code]).toEqual([422, 'idempotency-mismatch'])
    })
  })

  describe('closing an account', () => {
    it('ends its tokens at once', async () => {
      const { accountId, clientId, key } = await practitioner()
      await tokenOf(clientId, key, 'user/*.rs')
      expect((await call('DELETE', `/auth/accounts/${accountId}`)).status).toBe(204)
      expect((await ask(await assertion(clientId, key), 'user/*.rs')).status).toBe(401)
      const again = await call('DELETE', `/auth/accounts/${accountId}`)
      expect([again.status, again.body.code]).toEqual([409, 'account-closed'])
      const late = await call('POST', '/auth/clients', { body: { accountId, name: 'x', jwk: key.jwk } })
      expect([late.status, late.body.code]).toEqual([409, 'account-closed'])
    })

    it("ends a system's tokens too", async () => {
      const key = await testKey()
      const { memberId } = await post('/auth/members', { kind: 'laboratory', name: 'canary-laboratory' })
      const { clientId, accountId } = await post('/auth/clients', { memberId, name: 'canary-system', jwk: key.jwk })
      await tokenOf(clientId, key, 'system/*.rs')
      expect((await call('DELETE', `/auth/accounts/${accountId}`)).status).toBe(204)
      expect((await ask(await assertion(clientId, key), 'system/*.rs')).status).toBe(401)
    })

    it('is refused for an unknown account and for the one in use', async () => {
      const unknown = await call('DELETE', `/auth/accounts/${randomUUID()}`)
      expect([unknown.status, unknown.body.code]).toEqual([404, 'unknown-account'])
      const own = await call('DELETE', `/auth/accounts/${(await claimsOf(admin)).sub}`)
      expect([own.status, own.body.code]).toEqual([409, 'own-account'])
    })
  })

  describe('who is not the operator', () => {
    it.each(['members', 'practitioners', 'patients', 'staff', 'clients'])(
      'reaches nothing under /auth/%s',
      async (path) => {
        const { clientId, key } = await practitioner()
        const token = await tokenOf(clientId, key, 'user/*.cruds')
        for (const method of ['GET', 'POST']) {
          const body = method === 'POST' ? { body: {} } : {}
          const answer = await call(method, `/auth/${path}`, { token, ...body })
          expect([answer.status, answer.body.code]).toEqual([403, 'role-not-allowed'])
        }
        const anonymous = await fetch(`${identity.origin}/auth/${path}`)
        expect(anonymous.status).toBe(401)
      },
    )
  })

  it('writes each fact once, in its stream, and no name outside a ciphertext', async () => {
    const { accountId } = await practitioner()
    const client = new Client(identity.databases.identity.ownerUrl)
    await client.connect()
    const { rows } = await client.query(
      `SELECT stream_id, event_type, convert_from(body, 'UTF8') AS body FROM event WHERE stream_id = $1`,
      [`account-${accountId}`],
    )
    expect(rows.map(({ event_type }) => event_type)).toEqual(['PractitionerRegistered'])
    for (const table of ['event', 'event_private', 'idempotency', 'member', 'account', 'client', 'provider_record']) {
      const dump = await client.query<{ line: string }>(`SELECT t::text AS line FROM ${table} t`)
      const text = dump.rows.map(({ line }) => line).join('\n')
      expect(text).not.toContain('canary')
      expect(text).not.toContain(Buffer.from('canary').toString('hex'))
    }
    await client.end()
    const log = identity.lines.join('')
    expect(log).not.toContain('canary')
    expect(log).not.toContain(accountId)
    expect(log).not.toMatch(/"level":"(?:error|fatal)"/)
  })
})
