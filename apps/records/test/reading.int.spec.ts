// No permit, no data; no RecordRead, no data.
import { callerOf, idOf, observationResource } from '@careseal/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { resetConsent, startWorld, type World } from './world.js'
import { shortcuts } from './shortcuts.js'

let world: World
const { create, newObservation, newPatient } = shortcuts(() => world)
const practitioner = callerOf('practitioner', { scopes: ['user/*.cruds'] })

beforeAll(async () => {
  world = await startWorld()
})
afterAll(async () => world?.stop())
beforeEach(() => resetConsent(world))

describe('reading', () => {
  it('releases only what RecordRead names, with the permit', async () => {
    const patientId = await newPatient()
    const id = await newObservation(patientId)
    const { status, body, headers } = await world.call('GET', `/fhir/Observation/${id}`, { as: practitioner })
    expect(status).toBe(200)
    expect(body).toMatchObject({ ...observationResource(patientId), id })
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`)
    const [event] = (await world.events('RecordRead')).slice(-1)
    expect(event.data).toMatchObject({
      actorId: practitioner.accountId,
      patientId,
      purpose: 'TREAT',
      interaction: 'read',
      versions: [{ type: 'Observation', id, versionId: body.meta.versionId }],
    })
    expect(
      (await world.sql.query('SELECT 1 FROM records.permit_use WHERE permit_id = $1', [event.data.permitId])).rowCount,
    ).toBe(1)
  })

  it('releases nothing when RecordRead cannot be committed', async () => {
    const id = await newPatient()
    const refuse = `CREATE FUNCTION records.no_reads() RETURNS trigger LANGUAGE plpgsql AS
      $$BEGIN IF NEW.event_type = 'RecordRead' THEN RAISE EXCEPTION 'planted'; END IF; RETURN NEW; END$$;
      CREATE TRIGGER no_reads BEFORE INSERT ON records.event FOR EACH ROW EXECUTE FUNCTION records.no_reads()`
    await world.sql.query(refuse)
    try {
      for (const path of [`Patient/${id}`, `Patient?_id=${id}`, `Patient/${id}/_history`]) {
        const { status, text } = await world.call('GET', `/fhir/${path}`)
        expect(status).toBe(500)
        expect(text).not.toContain('Testling')
      }
    } finally {
      await world.sql.query('DROP TRIGGER no_reads ON records.event; DROP FUNCTION records.no_reads')
    }
  })

  it('uses a permit once: where consent gives it again, nothing is released', async () => {
    const id = await newPatient()
    world.consent.permitId = () => idOf(400_000)
    expect((await world.call('GET', `/fhir/Patient/${id}`)).status).toBe(200)
    const reads = await world.events('RecordRead')
    const { status, text } = await world.call('GET', `/fhir/Patient/${id}`)
    expect(status).toBe(500)
    expect(text).not.toContain('Testling')
    expect(await world.events('RecordRead')).toEqual(reads)
  })

  it('answers a foreign id, an unknown id and a malformed id with the same body', async () => {
    const id = await newPatient()
    world.consent.permits = () => false
    const paths = [`Patient/${id}`, `Patient/${idOf(404)}`, 'Patient/not-a-uuid']
    const history = [`Patient/${id}/_history`, `Patient/${idOf(404)}/_history`]
    const bodies = new Set<string>()
    for (const path of [...paths, ...history]) {
      const { status, body } = await world.call('GET', `/fhir/${path}`)
      expect(status).toBe(404)
      bodies.add(JSON.stringify({ ...body, id: '' }))
    }
    expect(bodies.size).toBe(1)
  })

  it('answers 304 only after a permit', async () => {
    const id = await newPatient()
    const { headers } = await world.call('GET', `/fhir/Patient/${id}`)
    const conditional = { headers: { 'if-none-match': headers.get('etag')! } }
    expect((await world.call('GET', `/fhir/Patient/${id}`, conditional)).status).toBe(304)
    world.consent.permits = () => false
    expect((await world.call('GET', `/fhir/Patient/${id}`, conditional)).status).toBe(404)
  })

  it('needs the permit of every patient concerned, and writes a read for each', async () => {
    const [a, b] = [await newPatient(), await newPatient()]
    const communication = {
      resourceType: 'Communication',
      status: 'completed',
      subject: { reference: `Patient/${a}` },
      recipient: [{ reference: `Patient/${b}` }],
    }
    const { id } = (await create(communication)).body
    expect((await world.call('GET', `/fhir/Communication/${id}`)).status).toBe(200)
    const events = (await world.events('RecordRead')).slice(-2)
    expect(new Set(events.map((event) => event.data.patientId))).toEqual(new Set([a, b]))
    world.consent.permits = (patientId) => patientId === a
    expect((await world.call('GET', `/fhir/Communication/${id}`)).status).toBe(404)
    const found = await world.call('GET', `/fhir/Communication?patient=${a}`)
    expect(found.body.entry).toBeUndefined()
  })

  it('of what belongs to nobody needs the scope alone', async () => {
    const { id } = (await create({ resourceType: 'Location', name: 'Testort' })).body
    world.consent.asked.length = 0
    world.consent.permits = () => false
    expect((await world.call('GET', `/fhir/Location/${id}`)).status).toBe(200)
    expect(world.consent.asked).toEqual([])
    const [event] = (await world.events('RecordRead')).slice(-1)
    expect(event.data.permitId).toBeUndefined()
    const narrow = callerOf('practitioner', { scopes: ['user/Patient.rs'] })
    expect((await world.call('GET', `/fhir/Location/${id}`, { as: narrow })).status).toBe(403)
    expect((await world.call('GET', `/fhir/Location/${id}`, { as: null })).status).toBe(401)
  })

  it('of what tells about a patient without naming one needs that permit too', async () => {
    const patientId = await newPatient()
    const observationId = await newObservation(patientId)
    const provenance = {
      resourceType: 'Provenance',
      target: [{ reference: `Observation/${observationId}` }],
      recorded: '2026-01-01T00:00:00Z',
      agent: [{ who: { display: 'Testling' } }],
    }
    const binary = {
      resourceType: 'Binary',
      contentType: 'text/plain',
      securityContext: { reference: `Patient/${patientId}` },
      data: 'AAAA',
    }
    for (const body of [provenance, binary]) {
      world.consent.permits = () => true
      const { id } = (await create(body)).body
      expect((await world.call('GET', `/fhir/${body.resourceType}/${id}`)).status).toBe(200)
      world.consent.permits = () => false
      expect((await world.call('GET', `/fhir/${body.resourceType}/${id}`)).status).toBe(404)
      expect((await create(body)).status).toBe(403)
    }
  })

  it('refuses rows that were swapped', async () => {
    const patientId = await newPatient()
    const [a, b] = [await newObservation(patientId), await newObservation(patientId)]
    await world.sql.query('ALTER TABLE records.version DISABLE TRIGGER USER')
    await world.sql.query(
      `UPDATE records.version v SET ciphertext = o.ciphertext FROM records.version o WHERE v.id = $1 AND o.id = $2`,
      [a, b],
    )
    await world.sql.query('ALTER TABLE records.version ENABLE TRIGGER USER')
    expect((await world.call('GET', `/fhir/Observation/${a}`)).status).toBe(500)
    expect((await world.call('GET', `/fhir/Observation/${b}`)).status).toBe(200)
  })

  it('gives a receipt only after a permit, and not before the event is sealed', async () => {
    const id = await newPatient()
    const { body } = await world.call('GET', `/fhir/Patient/${id}`)
    const path = `/fhir/Patient/${id}/_history/${body.meta.versionId}/$receipt`
    const reads = (await world.events('RecordRead')).length
    const early = await world.call('GET', path)
    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '2'])
    expect(await world.events('RecordRead')).toHaveLength(reads)
    world.consent.permits = () => false
    expect((await world.call('GET', path)).status).toBe(404)
  })

  it('fails closed while consent does not answer', async () => {
    const id = await newPatient()
    const before = await world.counts()
    world.consent.permits = () => {
      throw new Error('planted')
    }
    const calls = [`Patient/${id}`, `Patient?_id=${id}`, `Patient/${id}/_history`].map((path) =>
      world.call('GET', `/fhir/${path}`),
    )
    const write = world.call('PUT', `/fhir/Patient/${id}`, { body: { resourceType: 'Patient', id } })
    for (const { status, body, text } of await Promise.all([...calls, write])) {
      expect([status, body.issue[0].code]).toEqual([503, 'transient'])
      expect(text).not.toContain('Testling')
    }
    expect(await world.counts()).toEqual(before)
  })

  it('ends with the key of its subject', async () => {
    const id = await newPatient()
    await world.sql.query(`UPDATE records_keys.subject SET state = 'erased' WHERE subject_id = $1`, [id])
    const { status, text } = await world.call('GET', `/fhir/Patient/${id}`)
    expect(status).toBe(410)
    expect(text).not.toContain('Testling')
    expect((await world.call('GET', `/fhir/Patient?_id=${id}`)).body.entry).toBeUndefined()
  })
})
