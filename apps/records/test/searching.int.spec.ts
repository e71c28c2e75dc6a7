// What a search finds, and what it must not tell.
import { callerOf, idOf, observationResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { candidatesAfter } from '../src/searching/candidates.query.js'
import { BASE, resetConsent, startWorld, type World } from './world.js'
import { entryOf, idsOf, nextOf, shortcuts } from './shortcuts.js'

let world: World
const { newObservation, newPatient, transaction } = shortcuts(() => world)
const practitioner = callerOf('practitioner', { scopes: ['user/*.cruds'] })

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

describe('searching', () => {
  it('finds by patient, code, category, date and id, and records who was disclosed', async () => {
    const patientId = await newPatient()
    const category = [{ coding: [{ system: 'urn:c', code: 'vital' }] }]
    const a = await newObservation(patientId, { category, effectiveDateTime: '2024-03-01' })
    const b = await newObservation(patientId, {
      code: { coding: [{ code: 'other' }] },
      effectiveDateTime: '2025-03-01',
    })
    const find = async (query: string) => idsOf((await world.call('GET', `/fhir/Observation?${query}`)).body)
    expect(await find(`patient=${patientId}`)).toEqual([a, b])
    expect(await find(`subject=Patient/${patientId}&code=http://loinc.org|8867-4`)).toEqual([a])
    expect(await find(`patient=${patientId}&code=other`)).toEqual([b])
    expect(await find(`patient=${patientId}&code=urn:wrong|other`)).toEqual([])
    expect(await find(`patient=${patientId}&code=http://loinc.org|`)).toEqual([a])
    expect(await find(`patient=${patientId}&category=vital&code=8867-4`)).toEqual([a])
    expect(await find(`patient=${patientId}&date=ge2025`)).toEqual([b])
    expect(await find(`_id=${a},${b}&date=2024`)).toEqual([a])
    const [performed] = (await world.events('SearchPerformed')).slice(-2)
    expect(performed.data).toMatchObject({ type: 'Observation', patientId, matches: 1 })
    const [read] = (await world.events('RecordRead')).slice(-1)
    expect(read.data).toMatchObject({ interaction: 'search', patientId, versions: [{ id: a }] })
  })

  it('by form is the same', async () => {
    const patientId = await newPatient()
    const id = await newObservation(patientId)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const { status, body } = await world.call('POST', '/fhir/Observation/_search', {
      body: `patient=${patientId}`,
      headers,
    })
    expect([status, idsOf(body)]).toEqual([200, [id]])
    expect(body.link[0].url).toBe(`${BASE}Observation?patient=${patientId}`)
  })

  it('by POST takes forms alone', async () => {
    const json = await world.call('POST', '/fhir/Observation/_search', { body: { patient: 1 } })
    expect([json.status, json.body.resourceType]).toEqual([415, 'OperationOutcome'])
    const patientId = await newPatient()
    expect((await world.call('POST', `/fhir/Observation/_search?patient=${patientId}`)).status).toBe(200)
  })

  it('refuses more ids and codes than it will look for', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const ask = (body: string) => world.call('POST', '/fhir/Observation/_search', { body, headers })
    const ids = Array.from({ length: 501 }, (_, i) => idOf(i)).join(',')
    for (const body of [`_id=${ids}`, `patient=${ids}`, `patient=${idOf(1)}&code=${'a,'.repeat(100)}a`]) {
      const refused = await ask(body)
      expect([refused.status, refused.body.issue[0].code]).toEqual([400, 'too-costly'])
    }
    expect(await ask('_id=a&'.repeat(1_001))).toMatchObject({ status: 400, body: { resourceType: 'OperationOutcome' } })
    expect(await ask(`_id=${ids.repeat(4)}`)).toMatchObject({ status: 413, body: { resourceType: 'OperationOutcome' } })
  })

  it('that is denied is empty, and an event all the same', async () => {
    const patientId = await newPatient()
    await newObservation(patientId)
    world.consent.permits = () => false
    const { status, body } = await world.call('GET', `/fhir/Observation?patient=${patientId}`)
    expect([status, body.type, body.entry]).toEqual([200, 'searchset', undefined])
    const unknown = await world.call('GET', `/fhir/Observation?patient=${idOf(31)}`)
    expect(unknown.body).toEqual({ ...body, link: unknown.body.link })
    const [event] = (await world.events('SearchPerformed')).slice(-2)
    expect(event.data).toMatchObject({ patientId, matches: 0 })
  })

  it('without a patient covers those whom the caller may reach', async () => {
    const [a, b] = [await newPatient(), await newPatient()]
    const id = await newObservation(a)
    await newObservation(b)
    world.consent.reachable = [a]
    expect(idsOf((await world.call('GET', '/fhir/Observation?_count=200')).body)).toEqual([id])
    expect(idsOf((await world.call('GET', '/fhir/Patient')).body)).toEqual([a])
    expect(idsOf((await world.call('GET', `/fhir/Patient?_id=${b}`)).body)).toEqual([b])
  })

  it('pages completely and stably, for this caller and this query alone', async () => {
    const patientId = await newPatient()
    const ids: string[] = []
    for (let i = 0; i < 7; i++) ids.push(await newObservation(patientId))
    const found: string[] = []
    let path: string | undefined = `/fhir/Observation?patient=${patientId}&_count=3`
    let cursor = ''
    while (path) {
      const { body } = await world.call('GET', path)
      found.push(...idsOf(body))
      if (found.length === 3) ids.push(await newObservation(patientId))
      path = nextOf(body)
      cursor = path ? new URL(path, BASE).searchParams.get('_cursor')! : cursor
    }
    expect(found).toEqual(ids)
    const other = await newPatient()
    for (const wrong of [`patient=${other}&_count=3`, `patient=${patientId}&_count=2`, `patient=${patientId}`]) {
      expect((await world.call('GET', `/fhir/Observation?${wrong}&_cursor=${cursor}`)).status).toBe(400)
    }
    const again = `/fhir/Observation?patient=${patientId}&_count=3&_cursor=${cursor}`
    expect((await world.call('GET', again, { as: practitioner })).status).toBe(400)
    expect((await world.call('GET', again)).status).toBe(200)
  })

  it('refuses unknown parameters unless handling is lenient, which says what it ignored', async () => {
    const patientId = await newPatient()
    const path = `/fhir/Observation?patient=${patientId}&colour=red`
    expect((await world.call('GET', path)).status).toBe(400)
    const { status, body } = await world.call('GET', path, { headers: { prefer: 'handling=lenient' } })
    expect(status).toBe(200)
    expect(body.entry[0]).toMatchObject({ search: { mode: 'outcome' }, resource: { resourceType: 'OperationOutcome' } })
    expect(body.link[0].url).not.toContain('colour')
  })

  it('knows how long a resource is before it opens it', async () => {
    const patientId = await newPatient()
    await newObservation(patientId, { note: [{ text: 'a'.repeat(5_000) }] })
    await world.sql.query('SET search_path TO records')
    const scope = { type: 'Observation', patientIds: [patientId], withoutPatient: true, ids: undefined, macs: [] }
    const [candidate] = await candidatesAfter(world.sql, scope, { after: '0', limit: 10 })
    expect(candidate!.bytes).toBeGreaterThan(5_000)
    expect(candidate!.bytes).toBeLessThan(7_000)
  })

  it('never opens more than 500 resources for one page', async () => {
    const patientId = await newPatient()
    const entry = Array.from({ length: 520 }, (_, i) => entryOf(`urn:uuid:${i}`, observationResource(patientId)))
    const stored = await transaction(entry)
    expect(stored.status).toBe(200)
    const { status, body } = await world.call('GET', `/fhir/Observation?patient=${patientId}&date=1900`)
    expect([status, body.issue[0].code]).toEqual([422, 'too-costly'])
    expect((await world.call('GET', `/fhir/Observation?patient=${patientId}&code=none`)).status).toBe(200)
  })
})
