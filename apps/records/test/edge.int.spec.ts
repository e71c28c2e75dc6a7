// Media types, forwards, pages and declarations of routes.
import { idOf, observationResource, patientResource } from '@careseal/testing'
import { Client } from 'fhir-kit-client'
import { undeclaredRoutes } from '@careseal/authz'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resetConsent, startWorld, type Loose, type World } from './world.js'
import { entryOf, shortcuts } from './shortcuts.js'

let world: World
const { newPatient } = shortcuts(() => world)

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

describe('the edge', () => {
  it('declares a requirement for every route', () => {
    expect(undeclaredRoutes(world.application.app)).toEqual([])
  })

  it('speaks FHIR JSON alone', async () => {
    const id = await newPatient()
    const accept = async (header: string) =>
      (await world.call('GET', `/fhir/Patient/${id}`, { headers: { accept: header } })).status
    expect(await accept('application/fhir+xml')).toBe(406)
    expect(await accept('application/fhir+xml, */*;q=0.1')).toBe(200)
    const xml = { body: '<Patient/>', headers: { 'content-type': 'application/fhir+xml' } }
    expect((await world.call('POST', '/fhir/Patient', xml)).status).toBe(415)
    const patch = { body: '[]', headers: { 'content-type': 'application/json-patch+json' } }
    expect((await world.call('POST', '/fhir/Patient', patch)).status).toBe(415)
  })

  it.each([
    ['PATCH', `/fhir/Observation/${idOf(1)}`, 'DELETE, GET, HEAD, PUT'],
    ['PUT', '/fhir/Observation?code=a', 'GET, HEAD, POST'],
    ['DELETE', '/fhir/Observation?code=a', 'GET, HEAD, POST'],
    ['POST', '/fhir/Observation/$validate', 'DELETE, GET, HEAD, PUT'],
    ['GET', '/fhir', 'POST'],
  ])(
    'refuses %s %s, which the capability statement does not list, and says what there is',
    async (method, path, allow) => {
      const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} }
      const refused = await world.call(method, path, body)
      expect([refused.status, refused.headers.get('allow')]).toEqual([405, allow])
      expect(refused.body.issue[0]).toMatchObject({
        code: 'not-supported',
        diagnostics: expect.stringContaining(allow),
      })
    },
  )

  it('is ready only with its database, its broker and what the signer remembers', async () => {
    const { body } = await world.call('GET', '/readyz', { as: null })
    expect(body.checks).toEqual({ producer: 'up', tombstones: 'up', database: 'up', broker: 'up' })
  })

  it('forwards Consent and AuditEvent as they are', async () => {
    const consent = await world.call('GET', `/fhir/Consent/${idOf(77)}?x=1`, {
      headers: { 'x-purpose-of-use': 'TREAT' },
    })
    expect([consent.status, consent.body.id, consent.headers.get('etag')]).toEqual([200, idOf(77), 'W/"x"'])
    await world.call('POST', '/fhir/AuditEvent/_search', { body: { a: 1 } })
    const [first, second] = world.others.seen.slice(-2)
    expect(first).toMatchObject({ method: 'GET', url: `/fhir/Consent/${idOf(77)}?x=1` })
    expect(first!.headers).toMatchObject({
      authorization: expect.stringContaining('Bearer '),
      'x-purpose-of-use': 'TREAT',
    })
    expect(second).toMatchObject({ method: 'POST', url: '/fhir/AuditEvent/_search', body: '{"a":1}' })
  })

  it('tells of a request that the other service fails on, and goes on asking it', async () => {
    const ask = async () => {
      const { status, body } = await world.call('GET', `/fhir/Consent/${idOf(77)}`)
      return [status, body.resourceType]
    }
    world.others.steered.failsWith = 500
    for (let call = 0; call < 12; call++) expect(await ask()).toEqual([500, 'OperationOutcome'])
    world.others.steered.failsWith = 503
    expect(await ask()).toEqual([503, 'OperationOutcome'])
    delete world.others.steered.failsWith
    expect(await ask()).toEqual([200, 'Consent'])
  })

  it('serves pages without a token, under a policy that runs only own scripts', async () => {
    for (const [path, needle] of [
      ['/', 'Careseal'],
      ['/docs', 'swagger-ui-bundle.js'],
      ['/docs/swagger-ui.css', '.swagger-ui'],
      ['/docs/start.js', '/fhir/openapi.json'],
      ['/docs/events', 'evt.consent.consent.consent-granted'],
      ['/docs/events/asyncapi.json', '"asyncapi": "3.1.0"'],
    ] as const) {
      const { status, text, headers } = await world.call('GET', path, { as: null })
      expect(status).toBe(200)
      expect(text).toContain(needle)
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
    }
    expect((await world.call('GET', '/docs/package.json', { as: null })).status).toBe(404)
    expect((await world.call('GET', '/fhir/openapi.json', { as: null })).body.paths).toHaveProperty('/fhir/{type}/{id}')
  })

  it('describes itself without a token', async () => {
    const metadata = await world.call('GET', '/fhir/metadata', { as: null })
    expect([metadata.status, metadata.body.fhirVersion]).toEqual([200, '4.0.1'])
    const smart = await world.call('GET', '/fhir/.well-known/smart-configuration', { as: null })
    expect(smart.body.token_endpoint).toBe('http://localhost:8080/auth/token')
    expect((await world.call('GET', '/docs/consent.json', { as: null })).status).toBe(404)
  })

  it('answers who has no token, or one of another time or place', async () => {
    const path = `/fhir/Patient/${idOf(1)}`
    const codes = new Set<string>()
    for (const headers of [{}, { authorization: 'Bearer x.y.z' }, { authorization: 'Basic eDp5' }]) {
      const { status, body } = await world.call('GET', path, { as: null, headers })
      expect([status, body.resourceType]).toEqual([401, 'OperationOutcome'])
      codes.add(body.issue[0].details.coding[0].code)
    }
    expect(codes.size).toBeGreaterThan(1)
  })

  it('lets a common client work as it is used to', async () => {
    const bearerToken = await world.tokenFor(world.system)
    const client = new Client({ baseUrl: `${world.origin}/fhir`, bearerToken })
    const patient = (await client.create({ resourceType: 'Patient', body: patientResource() as never })) as Loose
    const entry = [entryOf('urn:uuid:1', observationResource(patient.id))]
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry }
    const response = (await client.transaction({ body: bundle as never })) as Loose
    expect(response.entry[0].response.status).toBe('201 Created')
    const found = (await client.search({ resourceType: 'Observation', searchParams: { patient: patient.id } })) as Loose
    expect(found.entry).toHaveLength(1)
    const body = { ...patient, gender: 'other' }
    await client.update({ resourceType: 'Patient', id: patient.id, body })
    const history = (await client.history({ resourceType: 'Patient', id: patient.id })) as Loose
    expect(history.total).toBe(2)
    const old = await client.vread({ resourceType: 'Patient', id: patient.id, version: patient.meta.versionId })
    expect(old).toEqual(patient)
    await client.delete({ resourceType: 'Patient', id: patient.id })
    await expect(client.read({ resourceType: 'Patient', id: patient.id })).rejects.toMatchObject({
      response: { status: 410 },
    })
  })
})
