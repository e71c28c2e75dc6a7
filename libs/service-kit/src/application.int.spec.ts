import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createLogger } from '@careseal/observability'
import {
  baseConfig,
  HealthRegistry,
  HttpProblem,
  loadConfig,
  Public,
  startApplication,
  type Application,
} from './index.js'

const Order = z.strictObject({ drug: z.string(), amount: z.int() })

@Controller()
@Public()
class TryController {
  @Post(['try/orders', 'fhir/orders'])
  order(@Body({ schema: Order }) body: z.infer<typeof Order>) {
    return body
  }

  @Get(['try/broken', 'fhir/broken'])
  broken() {
    throw new Error('canary-internal')
  }

  @Get('try/subjects/:id')
  subject(@Param('id') id: string) {
    if (id === 'gone') throw new HttpProblem(410, 'subject-erased', 'The subject was erased.')
    return { found: true }
  }

  @Get('try/slow')
  async slow() {
    await new Promise((resolve) => setTimeout(resolve, 300))
    return { slow: true }
  }
}

@Module({ controllers: [TryController] })
class TryModule {
  constructor(health: HealthRegistry) {
    health.addReadiness('broker', () => {
      if (TryModule.down) throw new Error('canary-host')
    })
  }
  static down = false
}

describe('a service', () => {
  const lines: string[] = []
  let application: Application
  let origin: string

  beforeAll(async () => {
    const environment = { PORT: '0', METRICS_PORT: '0', NODE_ENV: 'test', RATE_LIMIT_PER_MINUTE: '1000' }
    const config = loadConfig(z.object(baseConfig), environment)
    const logger = createLogger({ service: 'try', destination: { write: (line) => void lines.push(line) } })
    application = await startApplication({ name: 'try', prefix: 'try', appModule: () => TryModule }, config, logger)
    origin = `http://127.0.0.1:${application.port}`
  })
  afterAll(() => application.close())

  const post = (path: string, body: string, type = 'application/json') =>
    fetch(origin + path, { method: 'POST', headers: { 'content-type': type }, body })

  it('takes a body that fits its schema', async () => {
    const answer = await post('/try/orders', '{"drug":"a","amount":1}', 'application/fhir+json')
    expect(answer.status).toBe(201)
    expect(await answer.json()).toEqual({ drug: 'a', amount: 1 })
  })
  it('tells where a body does not fit', async () => {
    const answer = await post('/try/orders', '{"drug":"canary","amount":"x","more":1}')
    expect(answer.status).toBe(400)
    const problem = (await answer.json()) as { errors: { pointer: string }[] }
    expect(problem).toMatchObject({ status: 400, code: 'invalid-request', title: 'Bad Request' })
    expect(problem.errors.map(({ pointer }) => pointer)).toEqual(['/amount', ''])
    expect(JSON.stringify(problem)).not.toContain('canary')
  })
  it('tells where JSON breaks, as problem+json and as OperationOutcome', async () => {
    const plain = await post('/try/orders', '{"drug":\n x}')
    expect(plain.headers.get('content-type')).toContain('application/problem+json')
    expect(await plain.json()).toMatchObject({
      code: 'json-broken',
      detail: expect.stringContaining('line 2, column 2'),
    })
    const fhir = await post('/fhir/orders', '{"drug":\n x}', 'application/fhir+json')
    expect(fhir.status).toBe(400)
    expect(fhir.headers.get('content-type')).toContain('application/fhir+json')
    expect(await fhir.json()).toMatchObject({
      resourceType: 'OperationOutcome',
      issue: [{ code: 'structure', diagnostics: expect.stringContaining('line 2, column 2') }],
    })
  })
  it.each([
    ['/try/nothing', 404, 'not-found'],
    ['/try/subjects/gone', 410, 'subject-erased'],
    ['/try/broken', 500, 'internal-error'],
    ['/%zz', 400, 'bad-request'],
  ])('answers %s with %i %s', async (path, status, code) => {
    const answer = await fetch(origin + path)
    expect(answer.status).toBe(status)
    const problem = await answer.json()
    expect(problem).toMatchObject({ status, code, requestId: answer.headers.get('x-request-id') })
    expect(JSON.stringify(problem)).not.toMatch(/canary|at .*\.ts|zz/)
  })
  it('answers a method that a path does not have with 405 and those that it has', async () => {
    const answer = await fetch(`${origin}/try/subjects/canary`, { method: 'PATCH' })
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, HEAD')
    expect(await answer.text()).not.toContain('canary')
    const fhir = await fetch(`${origin}/fhir/orders?a=b`, { method: 'DELETE' })
    expect(fhir.headers.get('allow')).toBe('POST')
    expect(await fhir.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'not-supported' }] })
    expect((await fetch(`${origin}/try/subjects/`, { method: 'PATCH' })).status).toBe(404)
  })
  it.each(['text/xml', 'nonsense', ''])('refuses a body of type "%s" in the format of the route', async (type) => {
    const answer = await post('/fhir/orders', 'x', type)
    expect(answer.status).toBe(415)
    expect(await answer.json()).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ code: 'not-supported' }] })
  })
  it('refuses a body that is too large', async () => {
    expect((await post('/try/orders', JSON.stringify('x'.repeat(2 ** 20)))).status).toBe(413)
  })
  it('logs the pattern of a route and never its URL or body', async () => {
    lines.length = 0
    await fetch(`${origin}/try/subjects/canary-id?name=canary-name`, { headers: { authorization: 'Bearer canary' } })
    await fetch(`${origin}/try/nothing/canary-id`)
    await expect.poll(() => lines.length).toBe(2)
    expect(JSON.parse(lines[0]!)).toMatchObject({
      route: '/try/subjects/:id',
      status: 200,
      requestId: expect.any(String),
    })
    expect(JSON.parse(lines[1]!)).toMatchObject({ route: '(none)', status: 404 })
    expect(lines.join('')).not.toContain('canary')
  })
  it('keeps a request id that is a UUID and makes one otherwise', async () => {
    const id = '00000000-0000-4000-8000-000000000001'
    const kept = await fetch(`${origin}/livez`, { headers: { 'x-request-id': id } })
    expect(kept.headers.get('x-request-id')).toBe(id)
    const made = await fetch(`${origin}/livez`, { headers: { 'x-request-id': 'somebody' } })
    expect(made.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })
  it('is alive whatever is down, and ready only when all of it is up', async () => {
    expect(await (await fetch(`${origin}/readyz`)).json()).toEqual({ status: 'ok', checks: { broker: 'up' } })
    TryModule.down = true
    const unready = await fetch(`${origin}/readyz`)
    expect(unready.status).toBe(503)
    expect(await unready.json()).toEqual({ status: 'error', checks: { broker: 'down' } })
    expect((await fetch(`${origin}/livez`)).status).toBe(200)
    expect((await fetch(`${origin}/startupz`)).status).toBe(200)
    TryModule.down = false
  })
  it('measures requests by route on a port of its own', async () => {
    const text = await (await fetch(`http://127.0.0.1:${application.metricsPort}/metrics`)).text()
    expect(text).toMatch(
      /careseal_http_requests_total\{method="GET",route="\/try\/broken",status="500",service="try"\} 1/,
    )
    expect((await fetch(`${origin}/metrics`)).status).toBe(404)
  })
  it('describes itself by OpenAPI, schemas included', async () => {
    const document = await (await fetch(`${origin}/try/openapi.json`)).json()
    expect(document).toMatchObject({
      paths: {
        '/try/orders': { post: { requestBody: { content: { 'application/json': { schema: expect.anything() } } } } },
      },
    })
    expect(JSON.stringify(document)).toContain('"amount"')
  })
  it('sends headers that let no answer act as a page', async () => {
    const answer = await fetch(`${origin}/livez`)
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('limits requests per address and says when to come back', async () => {
    const config = loadConfig(z.object(baseConfig), { PORT: '0', METRICS_PORT: '0', RATE_LIMIT_PER_MINUTE: '3' })
    const logger = createLogger({ service: 'try', level: 'silent' })
    const options = { name: 'try', prefix: 'try', appModule: () => TryModule }
    const limited = await startApplication(options, config, logger)
    const call = (path: string) => fetch(`http://127.0.0.1:${limited.port}${path}`)
    const answers = [await call('/try/subjects/1'), await call('/try/subjects/2'), await call('/try/slow')]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(answers.map(({ headers }) => headers.get('ratelimit-remaining'))).toEqual(['2', '1', '0'])
    const refused = await call('/try/subjects/4')
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(refused.headers.get('ratelimit-limit')).toBe('3')
    expect(await refused.json()).toMatchObject({ code: 'too-many-requests' })
    expect((await call('/livez')).status).toBe(200)
    await limited.close()
  })
})
