// Who gets a token, what stands in it, and which assertions are refused: with a real client over HTTP.
import { undeclaredRoutes } from '@careseal/authz'
import { decodeProtectedHeader } from 'jose'
import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ASSERTION_TYPE, audience, Callers } from './callers.js'
import {
  assertion,
  PUBLIC_ORIGIN,
  runIdentity,
  testKey,
  type ClaimChanges,
  type RunningIdentity,
} from './running-identity.js'

describe('the token endpoint', () => {
  let identity: RunningIdentity
  let callers: Callers

  beforeAll(async () => {
    identity = await runIdentity()
    callers = await new Callers(identity).signIn()
  })
  afterAll(() => identity.stop())

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

  it('calls an id that no database can hold an unknown client', async () => {
    const { key } = await callers.practitioner(randomUUID())
    const { status, body } = await callers.ask(await assertion('x\0', key), 'user/*.rs')
    expect([status, body.error]).toEqual([401, 'invalid_client'])
  })

  it('shows public keys alone', async () => {
    const { keys } = (await (await fetch(`${identity.origin}/auth/jwks`)).json()) as { keys: Record<string, string>[] }
    expect(keys).toHaveLength(1)
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    expect(keys[0]).not.toHaveProperty('d')
  })

  it('is told to try again while the database is away, and has its token when it is back', async () => {
    const { clientId, key } = await callers.practitioner()
    await lettingNobodyIn(identity.superuserUrl, 'identity', async () => {
      const { status } = await callers.ask(await assertion(clientId, key), 'user/*.rs')
      expect(status).toBe(503)
    })
    const ask = async () => expect((await callers.ask(await assertion(clientId, key), 'user/*.rs')).status).toBe(200)
    await vi.waitFor(ask, 20_000)
  })

  describe('a token', () => {
    it('says who its bearer is and lives for five minutes', async () => {
      const organizationId = randomUUID()
      const { accountId, practitionerId, memberId, clientId, key } = await callers.practitioner(organizationId)
      const { status, body } = await callers.ask(await assertion(clientId, key), 'user/*.rs')
      expect(status).toBe(200)
      expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'user/*.rs' })
      expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      const claims = await callers.claimsOf(body.access_token)
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
      const { accountId } = await callers.post('/auth/patients', { patientId, name: 'canary-patient' })
      const { clientId, key } = await callers.login(accountId)
      const { body } = await callers.ask(await assertion(clientId, key), 'patient/*.cruds openid')
      expect(body.scope).toBe('patient/*.rs patient/Consent.cruds')
      expect(await callers.claimsOf(body.access_token)).toMatchObject({
        sub: accountId,
        fhirUser: `${audience}/Patient/${patientId}`,
        careseal: { role: 'patient', patientId },
      })
    })

    it('of a system may be had with an RS384 key', async () => {
      const key = await testKey('RS384')
      const { memberId } = await callers.post('/auth/members', { kind: 'laboratory', name: 'canary-laboratory' })
      const { clientId, accountId } = await callers.post('/auth/clients', {
        memberId,
        name: 'canary-system',
        jwk: key.jwk,
      })
      const token = await callers.tokenOf(clientId, key, 'system/Observation.cruds')
      expect(await callers.claimsOf(token)).toMatchObject({ sub: accountId, careseal: { role: 'system', memberId } })
    })

    it.each([
      ['a scope of another level', 'system/*.rs'],
      ['a narrowed scope, which nothing can enforce yet', 'user/Observation.rs?category=laboratory'],
      ['letters out of order', 'user/Patient.sr'],
      ['no FHIR scope at all', 'careseal/admin openid'],
      ['no scope', undefined],
    ])('is refused when %s is requested and nothing is left', async (_case, scope) => {
      const { clientId, key } = await callers.practitioner()
      const { status, body } = await callers.ask(await assertion(clientId, key), scope)
      expect([status, body]).toMatchObject([400, { error: 'invalid_scope' }])
      expect(body).not.toHaveProperty('access_token')
    })

    it('is for the FHIR base alone', async () => {
      const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, scope: 'careseal/admin' }
      const clientAssertion = await assertion('operator', identity.operatorKey)
      const answer = await callers.send({
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
      const { status, body } = await callers.ask(
        await assertion('operator', identity.operatorKey, changes),
        'careseal/admin',
      )
      expect([status, body.error]).toEqual([401, 'invalid_client'])
    })

    it('is used once', async () => {
      const once = await assertion('operator', identity.operatorKey)
      expect((await callers.ask(once, 'careseal/admin')).status).toBe(200)
      expect(await callers.ask(once, 'careseal/admin')).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      })
    })

    it('is used once even by many at the same time', async () => {
      const once = await assertion('operator', identity.operatorKey)
      const answers = await Promise.all(Array.from({ length: 8 }, () => callers.ask(once, 'careseal/admin')))
      expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 7 }, () => 401)])
    })

    it('is remembered over a restart, and so is the signing key', async () => {
      const kidOf = async () =>
        decodeProtectedHeader(await callers.tokenOf('operator', identity.operatorKey, 'careseal/admin')).kid
      const once = await assertion('operator', identity.operatorKey)
      expect((await callers.ask(once, 'careseal/admin')).status).toBe(200)
      const kid = await kidOf()
      await identity.restart()
      expect((await callers.ask(once, 'careseal/admin')).status).toBe(401)
      expect(await kidOf()).toBe(kid)
      expect((await callers.call('GET', '/auth/members')).status).toBe(200)
    })

    it('of an unknown client or with a foreign key is refused', async () => {
      const foreign = await testKey()
      expect((await callers.ask(await assertion('nobody', foreign), 'careseal/admin')).status).toBe(401)
      expect((await callers.ask(await assertion('operator', foreign), 'careseal/admin')).status).toBe(401)
    })
  })
})

/** While `work` runs, the role cannot log in and has no connection. */
async function lettingNobodyIn(url: string, role: string, work: () => Promise<void>): Promise<void> {
  const admin = new Client({ connectionString: url })
  await admin.connect()
  try {
    await admin.query(`ALTER ROLE ${role} NOLOGIN`)
    await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [role])
    await work()
  } finally {
    await admin.query(`ALTER ROLE ${role} LOGIN`)
    await admin.end()
  }
}
