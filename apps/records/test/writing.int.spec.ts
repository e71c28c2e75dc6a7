// What is stored, by whom, and what is refused without a trace.
import { callerOf, idOf, observationResource, patientResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { BASE, resetConsent, startWorld, type Loose, type World } from './world.js'
import { entryOf, nextOf, entriesOf, shortcuts } from './shortcuts.js'

let world: World
const { create, newObservation, newPatient } = shortcuts(() => world)

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

describe('creating', () => {
  it('answers with the stored version and where it is', async () => {
    const { status, headers, body } = await create({ ...patientResource(), id: 'mine', meta: { versionId: 'x' } })
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(`${BASE}Patient/${body.id}/_history/${body.meta.versionId}`)
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`)
    expect(headers.get('last-modified')).toBe(new Date(body.meta.lastUpdated).toUTCString())
    expect(headers.get('content-type')).toBe('application/fhir+json; charset=utf-8')
    expect(body).toMatchObject({ ...patientResource(), id: expect.stringMatching(/^[0-9a-f-]{36}$/) })
  })

  it('asks consent for the birth of a patient and names the permit in the event', async () => {
    const id = await newPatient()
    expect(world.consent.asked).toMatchObject([{ action: 'write', patientIds: [id], born: [id], types: ['Patient'] }])
    const [event] = (await world.events('RecordVersionAdded')).slice(-1)
    expect(event).toMatchObject({
      content: expect.stringMatching(/^[0-9a-f]{64}$/),
      data: { type: 'Patient', id, patientId: id, interaction: 'create', permitId: expect.any(String), role: 'system' },
    })
  })

  it('stores no personal value outside of ciphertexts', async () => {
    const patientId = (await create({ ...patientResource(), name: [{ family: 'Canaryname' }] })).body.id
    await newObservation(patientId, { code: { coding: [{ system: 'urn:canary', code: 'canarycode' }] } })
    for (const table of ['event', 'event_private', 'resource', 'version', 'token', 'idempotency', 'outbox']) {
      const { rows } = await world.sql.query(`SELECT t::text AS row FROM records.${table} t`)
      const text = rows.map(({ row }) => String(row)).join('\n')
      for (const needle of ['canary', 'Canary']) {
        expect(text).not.toContain(needle)
        expect(text).not.toContain(Buffer.from(needle).toString('hex'))
      }
    }
  })

  it('refuses what is not FHIR and stores nothing', async () => {
    const before = await world.counts()
    const { status, body } = await create({ ...patientResource(), birthDate: '1980-13-45' })
    expect(status).toBe(422)
    expect(body).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ expression: ['Patient.birthDate'] }] })
    expect(JSON.stringify(body)).not.toContain('1980')
    expect((await world.call('POST', '/fhir/Patient', { body: '{"resourceType":' })).status).toBe(400)
    expect((await world.call('POST', '/fhir/Patient', { body: observationResource(idOf(1)) })).status).toBe(400)
    expect((await world.call('POST', '/fhir/Patientt', { body: patientResource() })).status).toBe(404)
    expect(await world.counts()).toEqual(before)
  })

  it('is denied alike for a patient who refuses and one who is not here', async () => {
    const patientId = await newPatient()
    world.consent.permits = () => false
    const refused = await create(observationResource(patientId))
    const unknown = await create(observationResource(idOf(9)))
    expect(refused.status).toBe(403)
    expect(unknown.status).toBe(403)
    expect({ ...refused.body, id: '' }).toEqual({ ...unknown.body, id: '' })
  })

  it('refuses a subject who is not here, for the record would be open to everybody', async () => {
    for (const subject of [
      { display: 'somebody' },
      { reference: `http://elsewhere.example/fhir/Patient/${idOf(9)}` },
    ]) {
      const { status, body } = await create({ ...observationResource('x'), subject })
      expect([status, body.issue[0].expression]).toEqual([422, ['Observation.subject']])
    }
  })

  it('says where a resource names a patient whose id this server never gave', async () => {
    const participant = ['Patient/example', 'Practitioner/example', `Patient/${idOf(9)}`, 'Patient/other']
    const { status, body } = await create({
      resourceType: 'Appointment',
      status: 'proposed',
      participant: participant.map((reference) => ({ status: 'accepted', actor: { reference } })),
    })
    expect(status).toBe(422)
    expect(body.issue.map(({ code, expression }: Loose) => [code, expression])).toEqual([
      ['not-found', ['Appointment.participant[0].actor.reference']],
      ['not-found', ['Appointment.participant[3].actor.reference']],
    ])
  })

  it('of resources that belong to no patient needs a role', async () => {
    const organization = { resourceType: 'Organization', name: 'Testhaus' }
    expect((await create(organization)).status).toBe(201)
    const patient = callerOf('patient', { scopes: ['patient/*.cruds'] })
    expect((await world.call('POST', '/fhir/Organization', { body: organization, as: patient })).status).toBe(403)
  })

  it('returns no body when the caller prefers that', async () => {
    const { status, text, headers } = await create(patientResource(), { prefer: 'return=minimal' })
    expect([status, text]).toEqual([201, ''])
    expect(headers.get('location')).toContain('/_history/')
  })

  it('answers 503 and stores nothing while a permit is too old', async () => {
    const before = await world.counts()
    world.consent.validForMs = 1
    world.consent.permits = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5) === 'timed-out'
    const { status, body } = await create(patientResource())
    expect([status, body.issue[0].code]).toEqual([503, 'transient'])
    expect(await world.counts()).toEqual(before)
  })
})

describe('idempotency', () => {
  it('gives one event and the same answer for the same key', async () => {
    const headers = { 'idempotency-key': 'key-1' }
    const first = await create(patientResource(), headers)
    const before = await world.counts()
    const second = await create(patientResource(), headers)
    expect(second.status).toBe(201)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(await world.counts()).toEqual(before)
  })

  it('refuses another request under the same key', async () => {
    await create(patientResource(1), { 'idempotency-key': 'key-2' })
    expect((await create(patientResource(2), { 'idempotency-key': 'key-2' })).status).toBe(422)
  })

  it('holds when both requests come at once', async () => {
    const before = (await world.counts()).resource!
    const body = { resourceType: 'Bundle', type: 'transaction', entry: [entryOf('urn:uuid:1', patientResource())] }
    const send = () => world.call('POST', '/fhir', { body, headers: { 'idempotency-key': 'key-3' } })
    const answers = await Promise.all([send(), send(), send()])
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200])
    const etags = new Set(answers.map((answer) => answer.body.entry[0].response.etag))
    expect(etags.size).toBe(1)
    expect((await world.counts()).resource).toBe(before + 1)
  })
})

describe('versions', () => {
  it('are added by updates, guarded by If-Match, and stay readable', async () => {
    const first = (await create(patientResource(1))).body
    const path = `/fhir/Patient/${first.id}`
    const changed = { ...first, gender: 'other' }
    const wrong = await world.call('PUT', path, { body: changed, headers: { 'if-match': 'W/"other"' } })
    expect(wrong.status).toBe(412)
    const right = await world.call('PUT', path, {
      body: changed,
      headers: { 'if-match': `W/"${first.meta.versionId}"` },
    })
    expect(right.status).toBe(200)
    expect(right.body.meta.versionId).not.toBe(first.meta.versionId)
    expect((await world.call('GET', path)).body.gender).toBe('other')
    const old = await world.call('GET', `${path}/_history/${first.meta.versionId}`)
    expect([old.status, old.body.gender]).toEqual([200, 'unknown'])
    expect((await world.call('GET', `${path}/_history/${idOf(3)}`)).status).toBe(404)
  })

  it('end with a deletion: 410 for who may know, 404 for others', async () => {
    const { id } = (await create(patientResource())).body
    const path = `/fhir/Patient/${id}`
    expect((await world.call('DELETE', path)).status).toBe(204)
    expect((await world.call('GET', path)).status).toBe(410)
    expect((await world.call('DELETE', path)).status).toBe(204)
    expect((await world.events('RecordDeleted')).filter((event) => event.data.id === id)).toHaveLength(1)
    world.consent.permits = () => false
    expect((await world.call('GET', path)).status).toBe(404)
  })

  it('hold a bounded number of values, refused before anything walks over them', async () => {
    const body = { ...patientResource(), name: Array.from({ length: 300_000 }, () => 1) }
    const refused = await world.call('POST', '/fhir/Patient', { body })
    expect([refused.status, refused.body.issue]).toMatchObject([422, [{ code: 'too-costly', expression: ['Patient'] }]])
  })

  it('are listed by history, page by page', async () => {
    const first = (await create(patientResource())).body
    const path = `/fhir/Patient/${first.id}`
    await world.call('PUT', path, { body: { ...first, gender: 'male' } })
    await world.call('DELETE', path)
    const all = (await world.call('GET', `${path}/_history`)).body
    expect(all).toMatchObject({ type: 'history', total: 3 })
    expect(entriesOf(all).map((entry) => entry.request?.method)).toEqual(['DELETE', 'PUT', 'POST'])
    expect(all.entry[0].resource).toBeUndefined()
    const page = (await world.call('GET', `${path}/_history?_count=2`)).body
    const rest = (await world.call('GET', nextOf(page)!)).body
    expect(entriesOf(rest).map((entry) => entry.request?.method)).toEqual(['POST'])
  })

  it('are not made for ids that the server did not give, nor for foreign ones', async () => {
    const { id } = (await create(patientResource())).body
    const unknown = await world.call('PUT', `/fhir/Patient/${idOf(5)}`, { body: { ...patientResource(), id: idOf(5) } })
    world.consent.permits = () => false
    const foreign = await world.call('PUT', `/fhir/Patient/${id}`, { body: { ...patientResource(), id } })
    expect([unknown.status, foreign.status]).toEqual([404, 404])
    expect({ ...unknown.body, id: '' }).toEqual({ ...foreign.body, id: '' })
    expect((await world.call('DELETE', `/fhir/Patient/${id}`)).status).toBe(404)
  })

  it('do not tell by an absent patient whether a foreign resource exists', async () => {
    const foreign = await newObservation(await newPatient())
    world.consent.permits = () => false
    const answers = [foreign, idOf(6)].map(async (id) => {
      const body = { ...observationResource(idOf(8)), id }
      const { status, body: outcome } = await world.call('PUT', `/fhir/Observation/${id}`, { body })
      return { status, outcome: { ...outcome, id: '' } }
    })
    const [one, other] = await Promise.all(answers)
    expect(one!.status).toBe(404)
    expect(one).toEqual(other)
  })

  it('of two writers at once are numbered without a gap', async () => {
    const first = (await create(patientResource())).body
    const path = `/fhir/Patient/${first.id}`
    const writers = Array.from({ length: 5 }, () => world.call('PUT', path, { body: first }))
    expect((await Promise.all(writers)).map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200])
    const { rows } = await world.sql.query('SELECT version_no FROM records.version WHERE id = $1 ORDER BY 1', [
      first.id,
    ])
    expect(rows.map((row) => row.version_no)).toEqual([1, 2, 3, 4, 5, 6])
  })
})
