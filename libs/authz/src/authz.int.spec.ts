// Real tokens made with jose, a real key server, a real service: each wrong token has its own code.
import { Controller, Get, Module } from '@nestjs/common'
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { Caller } from '@careseal/contracts'
import { createLogger } from '@careseal/observability'
import {
  baseConfig,
  buildApplication,
  loadConfig,
  startApplication,
  type Application,
  type AppModule,
} from '@careseal/service-kit'
import { idOf } from '@careseal/testing'
import { AuthzModule, CurrentCaller, Public, Purpose, Requires, undeclaredRoutes } from './index.js'

const issuer = 'http://localhost:8080/auth'
const audience = 'http://localhost:8080/fhir'
const logger = createLogger({ service: 'try', level: 'silent' })
const config = loadConfig(z.object(baseConfig), { PORT: '0', METRICS_PORT: '0', NODE_ENV: 'test' })

@Controller()
class TryController {
  @Get('try/open')
  @Public()
  open() {
    return { open: true }
  }

  @Get('try/me')
  @Requires({})
  me(@CurrentCaller() caller: Caller, @Purpose() purpose: string) {
    return { caller, purpose }
  }

  @Get('try/admin')
  @Requires({ roles: ['operator'], scope: 'careseal/admin' })
  admin() {
    return {}
  }

  @Get('fhir/:type/:id')
  @Requires({ fhir: 'r' })
  read() {
    return {}
  }
}

@Controller('try')
class ForgetfulController {
  @Get('forgotten')
  forgotten() {
    return {}
  }
}

const optionsWith = (jwksUrl: string, controllers: Controllers) => ({
  name: 'try',
  prefix: 'try',
  appModule: () => moduleWith(jwksUrl, controllers),
})

type Controllers = (typeof TryController | typeof ForgetfulController)[]

function moduleWith(jwksUrl: string, controllers: Controllers): AppModule {
  @Module({ imports: [AuthzModule.forRoot({ issuer, audience, jwksUrl, rateLimitPerMinute: 100 })], controllers })
  class TryModule {}
  return TryModule
}

type SigningKey = Awaited<ReturnType<typeof generateKeyPair>>['privateKey']

const foreign = async () => (await generateKeyPair('ES256')).privateKey
const tampered = (jwt: string) => {
  const [header, payload, signature] = jwt.split('.') as [string, string, string]
  const changed = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), sub: idOf(9) }
  return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
}

describe('a guarded service', () => {
  let keyServer: Server
  let jwksUrl: string
  let application: Application
  let origin: string
  let key: SigningKey
  let publicPem: Uint8Array

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true })
    key = pair.privateKey
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'k1', use: 'sig' }
    publicPem = new TextEncoder().encode(JSON.stringify(jwk).padEnd(64))
    keyServer = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => keyServer.once('listening', resolve))
    jwksUrl = `http://127.0.0.1:${(keyServer.address() as AddressInfo).port}/auth/jwks`
    application = await startApplication(optionsWith(jwksUrl, [TryController]), config, logger)
    origin = `http://127.0.0.1:${application.port}`
  })
  afterAll(async () => {
    await application.close()
    keyServer.close()
  })

  const claims = {
    sub: idOf(1),
    client_id: 'client-1',
    scope: 'user/*.rs',
    careseal: { role: 'practitioner', practitionerId: idOf(2), organizationId: idOf(3), memberId: idOf(4) },
  }
  const token = (changes: JWTPayload = {}, header: { typ?: string; kid?: string } = {}) =>
    new SignJWT({ ...claims, iss: issuer, aud: audience, ...changes })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k1', ...header })
      .setIssuedAt(changes.iat)
      .setExpirationTime(changes.exp ?? '5m')
      .sign(key)
  const get = (path: string, bearer?: string, headers: Record<string, string> = {}) =>
    fetch(origin + path, { headers: { ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...headers } })

  it('lets anybody call a public route', async () => {
    expect((await get('/try/open')).status).toBe(200)
  })

  it('knows its caller and the default purpose', async () => {
    const answer = await get('/try/me', await token())
    const { role, ...links } = claims.careseal
    expect(await answer.json()).toEqual({
      caller: { accountId: idOf(1), clientId: 'client-1', role, ...links, scopes: ['user/*.rs'] },
      purpose: 'TREAT',
    })
  })

  it('takes a purpose of use it knows and refuses another', async () => {
    const known = await get('/try/me', await token(), { 'x-purpose-of-use': 'HRESCH' })
    expect(await known.json()).toMatchObject({ purpose: 'HRESCH' })
    const unknown = await get('/try/me', await token(), { 'x-purpose-of-use': 'CURIOSITY' })
    expect(unknown.status).toBe(400)
    expect(await unknown.json()).toMatchObject({ code: 'unknown-purpose' })
  })

  const now = Math.floor(Date.now() / 1000)
  const signed = async (alg: string, secret: SigningKey | Uint8Array) =>
    new SignJWT({ ...claims, iss: issuer, aud: audience })
      .setProtectedHeader({ alg, typ: 'at+jwt', kid: 'k1' })
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(secret)
  it.each<[string, string, () => Promise<string> | string | undefined]>([
    ['no token', 'token-missing', () => undefined],
    ['something that is no token', 'token-invalid', () => 'abc'],
    ['a token that has expired', 'token-expired', () => token({ iat: now - 400, exp: now - 100 })],
    ['a token that lives too long', 'token-expired', () => token({ iat: now - 400, exp: now + 4000 })],
    ['a token for another audience', 'token-wrong-audience', () => token({ aud: 'http://elsewhere/fhir' })],
    ['a token of another issuer', 'token-wrong-issuer', () => token({ iss: 'http://elsewhere' })],
    ['an id token', 'token-wrong-type', () => token({}, { typ: 'JWT' })],
    ['a token of another key', 'token-invalid', async () => signed('ES256', await foreign())],
    ['a token of an unknown key', 'token-invalid', () => token({}, { kid: 'k2' })],
    ['HS256 with the public key as a secret', 'token-wrong-algorithm', () => signed('HS256', publicPem)],
    ['an unsigned token', 'token-wrong-algorithm', () => unsigned()],
    ['a token without a role', 'token-invalid', () => token({ careseal: {} })],
    ['a token without a client', 'token-invalid', () => token({ client_id: undefined })],
    ['a token with a changed claim', 'token-invalid', async () => tampered(await token())],
  ])('refuses %s with %s', async (_case, code, make) => {
    const answer = await get('/try/me', await make())
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ status: 401, code })
    expect(answer.headers.get('www-authenticate')).toContain('Bearer realm="careseal"')
  })

  const unsigned = () =>
    new UnsecuredJWT({ ...claims, iss: issuer, aud: audience })
      .setIssuedAt()
      .setExpirationTime('5m')
      .encode()
      .replace(/^[^.]+/, Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url'))
      .concat('AAAA')
  it('answers a FHIR route with an OperationOutcome', async () => {
    const answer = await get('/fhir/Patient/x')
    expect(answer.headers.get('content-type')).toContain('application/fhir+json')
    expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'login' }] })
  })

  it('refuses a foreign role and a missing scope, each with its code', async () => {
    const role = await get('/try/admin', await token())
    expect([role.status, await role.json()]).toMatchObject([403, { code: 'role-not-allowed' }])
    const operator = { careseal: { role: 'operator' } }
    const scope = await get('/try/admin', await token({ ...operator, scope: 'user/*.rs' }))
    expect([scope.status, await scope.json()]).toMatchObject([403, { code: 'scope-missing' }])
    expect(scope.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="careseal/admin"')
    expect((await get('/try/admin', await token({ ...operator, scope: 'careseal/admin' }))).status).toBe(200)
  })

  it("checks the scope against the route's type", async () => {
    const bearer = await token({ scope: 'user/Observation.rs user/Patient.s' })
    expect((await get('/fhir/Observation/1', bearer)).status).toBe(200)
    const refused = await get('/fhir/Patient/1', bearer)
    expect([refused.status, await refused.json()]).toMatchObject([403, { issue: [{ code: 'forbidden' }] }])
  })

  it('limits requests per client', async () => {
    const bearer = await token({ client_id: 'busy' })
    const answers = await Promise.all(Array.from({ length: 101 }, () => get('/try/me', bearer)))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(1)
    expect(Number(refused[0]!.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await get('/try/me', await token())).status).toBe(200)
  })

  it('lets nobody in while the keys cannot be had', async () => {
    const cut = await startApplication(optionsWith('http://127.0.0.1:9/auth/jwks', [TryController]), config, logger)
    const headers = { authorization: `Bearer ${await token()}` }
    const answer = await fetch(`http://127.0.0.1:${cut.port}/try/me`, { headers })
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ code: 'issuer-unreachable' })
    await cut.close()
  })

  it('has declared all its routes', () => {
    expect(undeclaredRoutes(application.app)).toEqual([])
  })

  it('does not start with a route that declares nothing', async () => {
    const app = await buildApplication(optionsWith(jwksUrl, [TryController, ForgetfulController]), config, logger)
    await expect(app.init()).rejects.toThrow('routes without @Requires or @Public: GET /try/forgotten')
    expect(undeclaredRoutes(app)).toEqual(['GET /try/forgotten'])
    await app.close()
  })

  it('does not start with a route that was put past the guard', async () => {
    const app = await buildApplication(optionsWith(jwksUrl, [TryController]), config, logger)
    app
      .getHttpAdapter()
      .getInstance()
      .get('/try/secret', async () => ({}))
    await expect(app.init()).rejects.toThrow('GET /try/secret (past the guard)')
    await app.close()
  })
})
