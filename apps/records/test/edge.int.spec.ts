// Media types, forwards, pages and declarations of routes.
import { idOf } from '@careseal/testing'
import { undeclaredRoutes } from '@careseal/authz'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resetConsent, startWorld, type World } from './world.js'
import { shortcuts } from './shortcuts.js'

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

  it('serves pages without a token, under a policy that runs only own scripts', async () => {
    for (const [path, needle] of [
      ['/', 'Careseal'],
      ['/docs', 'swagger-ui-bundle.js'],
      ['/docs/swagger-ui.css', '.swagger-ui'],
      ['/docs/start.js', '/fhir/openapi.json'],
    ] as const) {
      const { status, text, headers } = await world.call('GET', path, { as: null })
      expect(status).toBe(200)
      expect(text).toContain(needle)
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
    }
    expect((await world.call('GET', '/docs/package.json', { as: null })).status).toBe(404)
    expect((await world.call('GET', '/fhir/openapi.json', { as: null })).body.paths).toHaveProperty('/fhir/{type}/{id}')
  })
})
