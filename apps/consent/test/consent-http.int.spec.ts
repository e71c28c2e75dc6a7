import { randomUUID } from 'node:crypto'
import { undeclaredRoutes } from '@careseal/authz'
import { Role, type Caller } from '@careseal/contracts'
import type { JsonObject } from '@careseal/fhir'
import { request } from '@careseal/messaging'
import { callerOf } from '@careseal/testing'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consentResource, recipient } from '../src/consent/consent.builder.js'
import { startService, type Service } from './service.js'

let service: Service
let database: Client
beforeAll(async () => {
  service = await startService({ CONSENT_RECORDERS: 'system' })
  database = new Client(service.postgres.url.replace(/postgres$/, 'careseal'))
  await database.connect()
})
afterAll(async () => {
  await database.end()
  await service.stop()
})

const doctor = callerOf('practitioner')
const recorder = callerOf('system')
const newPatient = (): Caller => callerOf('patient', { accountId: randomUUID(), patientId: randomUUID() })
const forDoctor = (patient: Caller, provision: JsonObject = {}) =>
  consentResource(patient.patientId!, { actor: [recipient('Practitioner', doctor.practitionerId!)], ...provision })

async function grant(patient: Caller, provision: JsonObject = {}) {
  const created = await service.request(patient, 'POST /fhir/Consent', { body: forDoctor(patient, provision) })
  expect(created.status).toBe(201)
  return created.json as JsonObject & { id: string; meta: { versionId: string } }
}

async function eventsOf(patient: Caller): Promise<string[]> {
  const { rows } = await database.query<{ event_type: string }>(
    `SELECT event_type FROM consent.event e JOIN consent.event_private p ON p.event_pk = e.pk
     WHERE p.subject_id = $1 ORDER BY e.pk`,
    [patient.patientId],
  )
  return rows.map((row) => row.event_type)
}

async function decide(patient: Caller) {
  const asked = { caller: doctor, patientIds: [patient.patientId!], action: 'read' as const, types: ['Observation'] }
  const reply = await request(
    service.nc,
    'consent',
    'decide-access',
    { ...asked, purpose: 'TREAT' },
    { deadlineMs: 5_000 },
  )
  return reply.decisions[0]!
}

describe('a patient over HTTP', () => {
  it('grants, sees who may read, revokes, and the next decision over NATS is a denial', async () => {
    const patient = newPatient()
    const granted = await service.request(patient, 'POST /fhir/Consent', { body: forDoctor(patient) })
    const { id, meta } = granted.json
    expect(granted.headers.get('location')).toBe(`http://localhost:8080/fhir/Consent/${id}/_history/${meta.versionId}`)
    expect(granted.headers.get('etag')).toBe(`W/"${meta.versionId}"`)
    expect(await decide(patient)).toMatchObject({ permitted: true })
    const inactive = { ...granted.json, status: 'inactive' }
    const revoked = await service.request(patient, `PUT /fhir/Consent/${id}`, { body: inactive })
    expect(revoked.status).toBe(200)
    expect(await decide(patient)).toMatchObject({ permitted: false, reason: 'no-consent' })
    expect((await service.request(patient, `GET /fhir/Consent/${id}`)).json).toMatchObject({ status: 'inactive' })
    expect(await eventsOf(patient)).toEqual([
      'ConsentGranted',
      'AccessPermitted',
      'ConsentRevoked',
      'AccessDenied',
      'ConsentRead',
    ])
  })

  it('replaces a consent only at the version that If-Match names, and never wakes a revoked one', async () => {
    const patient = newPatient()
    const { id, meta, ...rest } = await grant(patient)
    const path = `PUT /fhir/Consent/${id}`
    const body = { ...rest, id, provision: { type: 'deny' } }
    const stale = { 'if-match': `W/"${randomUUID()}"` }
    expect((await service.request(patient, path, { body, headers: stale })).status).toBe(412)
    const current = { 'if-match': `W/"${meta.versionId}"` }
    const replaced = await service.request(patient, path, { body, headers: current })
    expect(replaced.status).toBe(200)
    expect(await decide(patient)).toMatchObject({ reason: 'consent-denies' })
    await service.request(patient, path, { body: { ...body, status: 'entered-in-error' } })
    const woken = await service.request(patient, path, { body })
    expect([woken.status, woken.json.issue[0].expression]).toEqual([422, ['Consent.status']])
    const history = await service.request(patient, `GET /fhir/Consent/${id}/_history`)
    expect(history.json.entry.map(({ resource }: { resource: JsonObject }) => resource.status)).toEqual([
      'entered-in-error',
      'active',
      'active',
    ])
    const first = await service.request(patient, `GET /fhir/Consent/${id}/_history/${meta.versionId}`)
    expect(first.json.provision.type).toBe('permit')
  })

  it.each([{ end: '9999-12-31' }, { start: '0001-01-01T00:00:00+14:00', end: '9999' }])(
    'grants for ever: %j',
    async (period) => {
      const patient = newPatient()
      await grant(patient, { period })
      expect(await decide(patient)).toMatchObject({ permitted: true })
    },
  )

  it('pages through the own consents without missing or repeating one', async () => {
    const patient = newPatient()
    const made = []
    for (const purpose of ['TREAT', 'HRESCH', 'HPAYMT']) {
      const system = 'http://terminology.hl7.org/CodeSystem/v3-ActReason'
      made.push((await grant(patient, { purpose: [{ system, code: purpose }] })).id)
    }
    const seen: string[] = []
    let path: string | undefined = '/fhir/Consent?status=active&_count=2'
    while (path !== undefined) {
      const { json } = await service.request(patient, `GET ${path}`)
      expect(json).toMatchObject({ type: 'searchset', total: 3 })
      seen.push(...json.entry.map(({ resource }: { resource: { id: string } }) => resource.id))
      const next = json.link.find(({ relation }: { relation: string }) => relation === 'next')
      path = next?.url.replace('http://localhost:8080', '')
    }
    expect(seen.toSorted()).toEqual(made.toSorted())
  })

  it('counts without showing when no page is asked for', async () => {
    const patient = newPatient()
    await grant(patient)
    const { json } = await service.request(patient, 'GET /fhir/Consent?_count=0')
    expect([json.total, json.entry, json.link.length]).toEqual([1, undefined, 1])
  })

  it('searches by form as well', async () => {
    const patient = newPatient()
    const { id } = await grant(patient)
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const found = await service.request(patient, 'POST /fhir/Consent/_search', { body: `_id=${id}`, headers })
    expect([found.status, found.json.total]).toEqual([200, 1])
    const search = async (query: string) => {
      const line = `POST /fhir/Consent/_search?${query}`
      const { status, json } = await service.request(patient, line, { body: `_id=${id}`, headers })
      return [status, json.total]
    }
    expect(await search('status=active')).toEqual([200, 1])
    expect(await search('status=inactive')).toEqual([200, 0])
    expect(await search(`_id=${id}`)).toEqual([400, undefined])
  })

  it.each([{ patient: 1 }, { _id: 'x' }, [], 1])('takes no search in JSON, such as %j', async (body) => {
    const { status } = await service.request(newPatient(), 'POST /fhir/Consent/_search', { body })
    expect(status).toBe(415)
  })

  it('speaks JSON alone, and says so to who asks for something else', async () => {
    const patient = newPatient()
    const inXml = { headers: { accept: 'application/fhir+xml' } }
    expect((await service.request(patient, 'GET /fhir/Consent', inXml)).status).toBe(406)
    const format = await service.request(patient, 'GET /fhir/Consent?_format=json', inXml)
    expect([format.status, format.json.type]).toEqual([200, 'searchset'])
    const sent = { body: '<Consent/>', headers: { 'content-type': 'application/fhir+xml' } }
    expect((await service.request(patient, 'POST /fhir/Consent', sent)).status).toBe(415)
  })
})

describe('a conditional write', () => {
  it('replaces whatever version there is where If-Match is *', async () => {
    const patient = newPatient()
    const granted = await grant(patient)
    const put = { body: { ...granted, status: 'inactive' }, headers: { 'if-match': '*' } }
    expect((await service.request(patient, `PUT /fhir/Consent/${granted.id}`, put)).status).toBe(200)
  })

  it('creates nothing where If-None-Exist asks for what is not supported', async () => {
    const patient = newPatient()
    const headers = { 'if-none-exist': 'status=active' }
    const refused = await service.request(patient, 'POST /fhir/Consent', { body: forDoctor(patient), headers })
    expect([refused.status, await eventsOf(patient)]).toEqual([412, []])
  })
})

describe('what is refused', () => {
  it('names the element that is not enforced', async () => {
    const patient = newPatient()
    const body = forDoctor(patient, { securityLabel: [{ code: 'R' }], dataPeriod: { start: '2020' } })
    const refused = await service.request(patient, 'POST /fhir/Consent', { body })
    expect(refused.status).toBe(422)
    expect(refused.json).toMatchObject({ resourceType: 'OperationOutcome' })
    expect(refused.json.issue.map((issue: { expression: string[] }) => issue.expression[0])).toEqual([
      'Consent.provision.securityLabel',
      'Consent.provision.dataPeriod',
    ])
    expect(await eventsOf(patient)).toEqual([])
  })

  it.each([
    ['broken JSON', '{"resourceType":', 400],
    ['no FHIR', { resourceType: 'Consent', colour: 'red' }, 400],
    ['another type', { resourceType: 'Patient' }, 400],
    ['a revoked consent', { ...consentResource(randomUUID()), status: 'inactive' }, 422],
  ])('is %s', async (_what, body, status) => {
    const refused = await service.request(newPatient(), 'POST /fhir/Consent', { body })
    expect([refused.status, refused.json.resourceType]).toEqual([status, 'OperationOutcome'])
  })

  it('is deleting: the answer says how to revoke', async () => {
    const patient = newPatient()
    const { id } = await grant(patient)
    const refused = await service.request(patient, `DELETE /fhir/Consent/${id}`)
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, PUT'])
    expect(refused.json.issue[0].diagnostics).toContain('status inactive')
  })

  it.each(['_include=*', 'status=broken', '_count=x', 'patient=a&patient=b', '_cursor=x'])(
    'is the search parameter %s',
    async (query) => {
      expect((await service.request(newPatient(), `GET /fhir/Consent?${query}`)).status).toBe(400)
    },
  )
})

describe('who may see and change consents', () => {
  it('is declared for every route', () => {
    expect(undeclaredRoutes(service.app)).toEqual([])
  })

  it('by role and route is this matrix', async () => {
    const patient = newPatient()
    const { id, meta } = await grant(patient)
    const routes = [
      ['GET /fhir/Consent', undefined],
      [`GET /fhir/Consent/${id}`, undefined],
      [`GET /fhir/Consent/${id}/_history`, undefined],
      [`GET /fhir/Consent/${id}/_history/${meta.versionId}`, undefined],
      ['POST /fhir/Consent', forDoctor(patient)],
      [`PUT /fhir/Consent/${id}`, { ...forDoctor(patient), id }],
    ] as const
    const callers: Record<string, Caller> = {
      ...Object.fromEntries(Role.options.map((role) => [role, callerOf(role)])),
      'the patient': patient,
      'named doctor': doctor,
      'other doctor': callerOf('practitioner', { practitionerId: randomUUID(), organizationId: randomUUID() }),
    }
    const matrix: Record<string, number[]> = {}
    for (const [name, caller] of Object.entries(callers)) {
      matrix[name] = []
      for (const [line, body] of routes) {
        const { status } = await service.request(caller, line, body === undefined ? {} : { body })
        matrix[name].push(status)
      }
    }
    expect(matrix).toEqual({
      patient: [200, 404, 404, 404, 403, 404],
      practitioner: [200, 200, 200, 200, 403, 403],
      system: [200, 404, 404, 404, 201, 404],
      auditor: [403, 403, 403, 403, 403, 403],
      operator: [403, 403, 403, 403, 403, 403],
      'the patient': [200, 200, 200, 200, 201, 200],
      'named doctor': [200, 200, 200, 200, 403, 403],
      'other doctor': [200, 404, 404, 404, 403, 404],
    })
  })

  it('a search gives out nothing of others, and no total that counts it', async () => {
    const patient = newPatient()
    await grant(patient)
    const stranger = newPatient()
    const found = await service.request(stranger, `GET /fhir/Consent?patient=Patient/${patient.patientId}`)
    expect(found.json).toMatchObject({ total: 0 })
    expect(found.json.entry).toBeUndefined()
  })

  it('a grantee sees what permits, and not that the patient restricts', async () => {
    const patient = newPatient()
    const { id } = await grant(patient, { type: 'deny' })
    expect((await service.request(doctor, `GET /fhir/Consent/${id}`)).status).toBe(404)
    const found = await service.request(doctor, `GET /fhir/Consent?patient=${patient.patientId}`)
    expect(found.json.total).toBe(0)
  })

  it('a recorder writes for a patient where the deployment says so, and changes only what its member wrote', async () => {
    const patient = newPatient()
    const recorded = await service.request(recorder, 'POST /fhir/Consent', { body: forDoctor(patient) })
    const path = `PUT /fhir/Consent/${recorded.json.id}`
    const other = { ...recorder, memberId: randomUUID() }
    expect((await service.request(other, path, { body: recorded.json })).status).toBe(404)
    const revoked = await service.request(recorder, path, { body: { ...recorded.json, status: 'inactive' } })
    expect(revoked.status).toBe(200)
  })

  it('nobody without a token', async () => {
    const answer = await fetch(`${service.origin}/fhir/Consent`)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="careseal"'])
  })
})
