// Many entries at once: all or nothing, or each on its own.
import { setTimeout } from 'node:timers/promises'
import { callerOf, eventually, idOf, observationResource, patientResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resetConsent, startWorld, type World } from './world.js'
import { entryOf, entriesOf, shortcuts } from './shortcuts.js'

let world: World
const { create, newObservation, transaction } = shortcuts(() => world)

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

describe('a transaction', () => {
  it('stores all entries and links them, in the order of the request', async () => {
    const entry = [
      entryOf('urn:uuid:2', { ...observationResource('x'), subject: { reference: 'urn:uuid:1' } }),
      entryOf('urn:uuid:1', patientResource()),
    ]
    const { status, body } = await transaction(entry, { headers: { prefer: 'return=representation' } })
    expect([status, body.type]).toEqual([200, 'transaction-response'])
    expect(entriesOf(body).map((one) => one.response?.status)).toEqual(['201 Created', '201 Created'])
    const [observation, patient] = entriesOf(body).map((one) => one.resource!)
    expect(observation.subject.reference).toBe(`Patient/${patient.id}`)
    expect(body.entry[0].response.location).toBe(`Observation/${observation.id}/_history/${observation.meta.versionId}`)
    expect(world.consent.asked).toHaveLength(1)
  })

  it('with one bad entry stores nothing and names entry and element', async () => {
    const before = await world.counts()
    const bad = { ...observationResource('x'), subject: { reference: 'urn:uuid:1' }, status: 'wrong' }
    const entry = [entryOf('urn:uuid:1', patientResource()), entryOf('urn:uuid:2', bad)]
    const { status, body } = await transaction(entry)
    expect(status).toBe(422)
    expect(body.issue[0].expression).toEqual(['Bundle.entry[1].resource.status'])
    expect(await world.counts()).toEqual(before)
  })

  it('with a link to nothing is refused', async () => {
    const entry = [entryOf('urn:uuid:2', { ...observationResource('x'), subject: { reference: 'urn:uuid:9' } })]
    const { status, body } = await transaction(entry)
    expect([status, body.issue[0].expression]).toEqual([422, ['Bundle.entry[0].resource.subject.reference']])
  })

  it('with a Consent or AuditEvent is refused', async () => {
    const entry = [entryOf('urn:uuid:1', { resourceType: 'Consent' })]
    expect((await transaction(entry)).status).toBe(422)
  })

  it('needs a scope for each entry', async () => {
    const entry = [entryOf('urn:uuid:1', patientResource())]
    const as = callerOf('system', { scopes: ['system/Observation.c'] })
    expect((await transaction(entry, { as })).status).toBe(403)
  })

  it('updates and deletes as well', async () => {
    const patient = (await create(patientResource())).body
    const observationId = await newObservation(patient.id)
    const entry = [
      { request: { method: 'DELETE', url: `Observation/${observationId}` } },
      { resource: { ...patient, gender: 'male' }, request: { method: 'PUT', url: `Patient/${patient.id}` } },
    ]
    const { body } = await transaction(entry)
    expect(entriesOf(body).map((one) => one.response?.status)).toEqual(['204 No Content', '200 OK'])
    expect((await world.call('GET', `/fhir/Observation/${observationId}`)).status).toBe(410)
  })
})

describe('a batch', () => {
  it('does each entry on its own', async () => {
    const patient = (await create(patientResource())).body
    const entry = [
      entryOf('urn:uuid:1', patientResource()),
      entryOf('urn:uuid:2', { ...patientResource(), gender: 'wrong' }),
      { request: { method: 'GET', url: `Patient/${patient.id}` } },
      { request: { method: 'GET', url: `Patient?_id=${patient.id}` } },
      { request: { method: 'GET', url: `Patient/${idOf(3)}` } },
      entryOf('urn:uuid:3', { resourceType: 'Consent' }),
      {},
    ]
    const { status, body } = await world.call('POST', '/fhir', {
      body: { resourceType: 'Bundle', type: 'batch', entry },
    })
    expect([status, body.type]).toEqual([200, 'batch-response'])
    const statuses = entriesOf(body).map((one) => String(one.response?.status).slice(0, 3))
    expect(statuses).toEqual(['201', '422', '200', '200', '404', '201', '400'])
    expect(body.entry[2].resource.id).toBe(patient.id)
    expect(body.entry[1].response.outcome.issue[0].expression).toEqual(['Bundle.entry[1].resource.gender'])
  })

  it('gives each entry an idempotency key of its own, also at another service, and the same one again', async () => {
    const entry = ['urn:uuid:1', 'urn:uuid:2'].map((fullUrl) => entryOf(fullUrl, { resourceType: 'Consent' }))
    const send = async () => {
      const headers = { 'idempotency-key': 'k'.repeat(128) }
      await world.call('POST', '/fhir', { body: { resourceType: 'Bundle', type: 'batch', entry }, headers })
      return world.others.seen.slice(-2).map((seen) => String(seen.headers['idempotency-key']))
    }
    const keys = await send()
    expect(new Set(keys).size).toBe(2)
    for (const key of keys) expect(key).toMatch(/^[\x21-\x7e]{1,128}$/)
    expect(await send()).toEqual(keys)
  })

  it('sent again under its key stores what failed, and nothing twice', async () => {
    const patientId = String((await create(patientResource())).body.id)
    const resources = [patientResource(), observationResource(patientId), { resourceType: 'Consent' }]
    const entry = resources.map((resource, n) => entryOf(`urn:uuid:${n}`, resource))
    const send = async () => {
      const body = { resourceType: 'Bundle', type: 'batch', entry }
      const answer = await world.call('POST', '/fhir', { body, headers: { 'idempotency-key': 'sent-again' } })
      return entriesOf(answer.body).map(({ response }) => [String(response.status).slice(0, 3), response.location])
    }
    world.consent.permits = (asked) => asked !== patientId
    world.others.steered.failsWith = 503
    const first = await send()
    delete world.others.steered.failsWith
    expect(first.map(([status]) => status)).toEqual(['201', '403', '503'])
    resetConsent(world)
    const second = await send()
    expect(second.map(([status]) => status)).toEqual(['201', '201', '201'])
    expect(second[0]).toEqual(first[0])
    expect((await send()).slice(0, 2)).toEqual(second.slice(0, 2))
  })

  it('reads ifMatch of an entry as the header is read', async () => {
    const { id, meta } = (await create(patientResource())).body
    const statusOf = async (kind: string, ifMatch: unknown) => {
      const request = { method: 'PUT', url: `Patient/${id}`, ifMatch }
      const entry = [{ resource: { ...patientResource(), id }, request }]
      const { status, body } = await world.call('POST', '/fhir', {
        body: { resourceType: 'Bundle', type: kind, entry },
      })
      return kind === 'batch' ? Number(body.entry[0].response.status.slice(0, 3)) : status
    }
    const [weak, strong] = [`W/"${meta.versionId}"`, `"${meta.versionId}"`]
    for (const kind of ['batch', 'transaction']) {
      for (const malformed of ['', ' ', 7, null]) expect(await statusOf(kind, malformed)).toBe(400)
      expect(await statusOf(kind, 'W/"other"')).toBe(412)
      expect(await statusOf(kind, '*')).toBe(200)
      expect(await statusOf(kind, weak)).toBe(412)
    }
    const { headers } = await world.call('PUT', `/fhir/Patient/${id}`, { body: { ...patientResource(), id } })
    const present = headers.get('etag')!.slice(2)
    expect(await statusOf('batch', strong)).toBe(412)
    expect(await statusOf('batch', present)).toBe(200)
  })

  it('with too many entries is refused as a whole', async () => {
    const entry = Array.from({ length: 501 }, () => ({ request: { method: 'GET', url: `Patient/${idOf(3)}` } }))
    const { status, body } = await world.call('POST', '/fhir', {
      body: { resourceType: 'Bundle', type: 'batch', entry },
    })
    expect([status, body.issue[0].code]).toEqual([422, 'too-costly'])
  })

  it('goes on for nobody', async () => {
    const { id } = (await create(patientResource())).body
    const entry = Array.from({ length: 500 }, () => ({ request: { method: 'GET', url: `Patient/${id}` } }))
    const leaving = new AbortController()
    world.consent.asked.length = 0
    const asked = fetch(new URL('/fhir', world.origin), {
      method: 'POST',
      headers: {
        'content-type': 'application/fhir+json',
        authorization: `Bearer ${await world.tokenFor(world.system)}`,
      },
      body: JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }),
      signal: leaving.signal,
    })
    await eventually(() => expect(world.consent.asked.length).toBeGreaterThan(0))
    leaving.abort()
    await expect(asked).rejects.toThrow(/abort/i)
    const settled = async () => {
      const { length } = world.consent.asked
      await setTimeout(500)
      expect(world.consent.asked).toHaveLength(length)
    }
    await eventually(settled)
    expect(world.consent.asked.length).toBeLessThan(500)
  })

  it('reaches no other route of another service by dots', async () => {
    const urls = ['Consent/../../livez', 'Consent/%2e%2e/%2e%2e/consent/openapi.json', 'AuditEvent/../Consent']
    const entry = urls.map((url) => ({ request: { method: 'GET', url } }))
    const seen = world.others.seen.length
    const { body } = await world.call('POST', '/fhir', { body: { resourceType: 'Bundle', type: 'batch', entry } })
    expect(entriesOf(body).map((one) => one.response?.status)).toEqual(urls.map(() => '404 Not Found'))
    expect(world.others.seen).toHaveLength(seen)
  })
})
