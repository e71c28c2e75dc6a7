import { randomUUID } from 'node:crypto'
import { undeclaredRoutes } from '@careseal/authz'
import { Role, type Caller } from '@careseal/contracts'
import { eventCommitment, fromHex, hex } from '@careseal/crypto'
import { createFhir, type JsonObject } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { callerOf, eventually } from '@careseal/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { proven } from './service.js'
import { auditor, denied, isLogged, newPatient, read, startWorld, type Access, type World } from './world.js'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

/** All pages of a patient's log. */
async function logOf(caller: Caller, patient: Caller, query = 'count=3'): Promise<Access[]> {
  const accesses: Access[] = []
  let path: string | undefined = `/audit/patients/${patient.patientId}/accesses?${query}`
  while (path !== undefined) {
    const { status, json } = await world.service.request(caller, `GET ${path}`)
    expect(status).toBe(200)
    accesses.push(...json.accesses)
    path = json.next
  }
  return accesses
}

describe('the access log', () => {
  it('lists every access exactly once, the newest first, over many pages', async () => {
    const [patient, other] = [newPatient(), newPatient()]
    const expected: string[] = []
    for (let n = 0; n < 5; n++) {
      expected.push(await world.consent.append('AccessDenied', denied(patient)))
      expected.push(await world.records.append('RecordRead', read(patient)))
      await world.records.append('RecordRead', read(other))
    }
    await isLogged(world, ...expected)
    const listed = (await logOf(auditor, patient)).filter(({ event }) => event !== 'AccessLogRead')
    expect(listed.map(({ eventId }) => eventId).toSorted()).toEqual(expected.toSorted())
    const times = listed.map(({ time }) => String(time))
    expect(times).toEqual(times.toSorted().toReversed())
  })

  it('says who, why and what, with what identity knows of the account', async () => {
    const patient = newPatient()
    const organizationId = randomUUID()
    const practitionerId = randomUUID()
    const [accountId, memberId] = [randomUUID(), randomUUID()]
    await world.identity.append('MemberAdmitted', { memberId, kind: 'hospital', organizationId })
    await world.identity.append('PractitionerRegistered', { accountId, memberId, practitionerId })
    const data = { ...read(patient), actorId: accountId, memberId }
    const eventId = await world.records.append('RecordRead', data)
    await isLogged(world, eventId)
    const [access] = await eventually(async () => {
      const found = await logOf(patient, patient, 'count=1')
      // The read model of identity follows by itself, event by event.
      for (const known of [organizationId, practitionerId]) expect(JSON.stringify(found)).toContain(known)
      return found.filter(({ event }) => event === 'RecordRead')
    })
    const { id, versionId } = data.versions[0]!
    expect(access).toMatchObject({
      eventId,
      actor: { accountId, role: 'practitioner', memberId, practitionerId, organizationId },
      purpose: 'TREAT',
      outcome: 'success',
      resources: [`Observation/${id}/_history/${versionId}`],
      ledger: { producer: 'records' },
    })
  })

  it('is filtered by time, actor and outcome', async () => {
    const patient = newPatient()
    const another = { ...read(patient), actorId: randomUUID() }
    const ids = [
      await world.consent.append('AccessDenied', denied(patient)),
      await world.records.append('RecordRead', read(patient)),
      await world.records.append('RecordRead', another),
    ]
    await isLogged(world, ...ids)
    const eventIds = async (query: string) => (await logOf(auditor, patient, query)).map(({ eventId }) => eventId)
    expect(await eventIds('outcome=denied')).toEqual([ids[0]])
    expect(await eventIds(`actor=${another.actorId}`)).toEqual([ids[2]])
    expect(await eventIds('until=2020-01-01T00:00:00Z')).toEqual([])
  })

  it('shows each look into it, which is an event before its answer', async () => {
    const patient = newPatient()
    await isLogged(world, await world.records.append('RecordRead', read(patient)))
    await logOf(auditor, patient)
    const { rows } = await world.database.query<{ event_type: string }>(
      `SELECT e.event_type FROM audit.event e JOIN audit.event_private p ON p.event_pk = e.pk WHERE p.subject_id = $1`,
      [patient.patientId],
    )
    expect(rows).toEqual([{ event_type: 'AccessLogRead' }])
    await eventually(async () => {
      const looks = (await logOf(patient, patient)).filter(({ event }) => event === 'AccessLogRead')
      expect(looks.map(({ actor: who }) => (who as { role: string }).role)).toContain('auditor')
    })
  })
})

describe('who may see it', () => {
  it('is declared for every route', () => {
    expect(undeclaredRoutes(world.service.app)).toEqual([])
  })

  it('by role and route is this matrix', async () => {
    const patient = newPatient()
    const eventId = await world.records.append('RecordRead', read(patient))
    await isLogged(world, eventId)
    const routes = [
      `/audit/patients/${patient.patientId}/accesses`,
      `/audit/patients/${patient.patientId}/accesses/${eventId}/receipt`,
      `/fhir/AuditEvent?patient=${patient.patientId}`,
      `/fhir/AuditEvent/${eventId}`,
    ]
    const callers = { ...Object.fromEntries(Role.options.map((role) => [role, callerOf(role)])), own: patient }
    const matrix: Record<string, number[]> = {}
    for (const [name, caller] of Object.entries(callers)) {
      const answers = []
      for (const route of routes) answers.push((await world.service.request(caller, `GET ${route}`)).status)
      matrix[name] = answers
    }
    expect(matrix).toEqual({
      patient: [404, 404, 200, 404],
      practitioner: [403, 403, 403, 403],
      system: [403, 403, 403, 403],
      auditor: [200, 503, 200, 200],
      operator: [403, 403, 403, 403],
      own: [200, 503, 200, 200],
    })
    const foreign = await world.service.request(newPatient(), `GET ${routes[2]}`)
    expect(foreign.json).toMatchObject({ total: 0 })
  })

  it('of an unknown patient is nobody, and the question leaves no trace of the id', async () => {
    const unknown = newPatient()
    const { status } = await world.service.request(auditor, `GET /audit/patients/${unknown.patientId}/accesses`)
    expect(status).toBe(404)
    const { rows } = await world.database.query('SELECT 1 FROM audit_keys.subject WHERE subject_id = $1', [
      unknown.patientId,
    ])
    expect(rows).toEqual([])
  })
})

describe('an id in upper case', () => {
  it('is that of the same patient: one log, one subject', async () => {
    const patient = newPatient()
    const eventId = await world.records.append('RecordRead', read(patient))
    await isLogged(world, eventId)
    const upper = patient.patientId!.toUpperCase()
    const log = await world.service.request(auditor, `GET /audit/patients/${upper}/accesses`)
    expect([log.status, log.json.patientId]).toEqual([200, patient.patientId])
    const paths = [
      `/audit/patients/${upper}/accesses/${eventId.toUpperCase()}/receipt`,
      `/fhir/AuditEvent?patient=${upper}`,
      `/fhir/AuditEvent/${eventId.toUpperCase()}`,
    ]
    const answers = []
    for (const path of paths) answers.push(await world.service.request(auditor, `GET ${path}`))
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 200])
    expect(answers[1]!.json.total).toBeGreaterThan(0)
    const { rows } = await world.database.query(
      'SELECT subject_id FROM audit_keys.subject WHERE lower(subject_id) = $1',
      [patient.patientId],
    )
    expect(rows).toEqual([{ subject_id: patient.patientId }])
  })

  it('brings an erased patient back to nobody', async () => {
    const patient = newPatient()
    await isLogged(world, await world.records.append('RecordRead', read(patient)))
    await world.database.query(`UPDATE audit_keys.subject SET state = 'erased' WHERE subject_id = $1`, [
      patient.patientId,
    ])
    const path = `GET /audit/patients/${patient.patientId!.toUpperCase()}/accesses`
    expect((await world.service.request(auditor, path)).status).toBe(410)
  })
})

describe('a receipt', () => {
  it('is there when the event is sealed, opened by its producer for this caller', async () => {
    const patient = newPatient()
    const eventId = await world.records.append('RecordRead', read(patient))
    await isLogged(world, eventId)
    const line = `GET /audit/patients/${patient.patientId}/accesses/${eventId}/receipt`
    const early = await world.service.request(patient, line)
    expect([early.status, early.headers.get('retry-after'), early.json.code]).toEqual([503, '2', 'not-sealed'])
    world.records.leafIndexes.set(eventId, 41)
    expect((await world.service.request(patient, line)).json.code).toBe('not-sealed')
    proven.add(41)
    const { status, json } = await world.service.request(patient, line)
    expect([status, json.v, json.leaf.producer, json.proof]).toEqual([200, 1, 'records', '{"proof":"41"}'])
    const body = Buffer.from(json.event.body, 'base64')
    expect(hex(eventCommitment(fromHex(json.event.opening, 32), json.event.type, body))).toBe(json.leaf.commitment)
    expect(world.records.opened.at(-1)).toMatchObject({ eventId, caller: { patientId: patient.patientId } })
  })

  it('does not come without its producer', async () => {
    const patient = newPatient()
    const eventId = await world.identity.append('PatientAccountOpened', {
      accountId: randomUUID(),
      patientId: patient.patientId!,
    })
    const path = `/audit/patients/${patient.patientId}/accesses/${eventId}/receipt`
    expect((await world.service.request(patient, `GET ${path}`)).status).toBe(404)
  })
})

describe('AuditEvents', () => {
  const { validateResource } = createFhir(loadDefinitions())

  it('are found by patient and date, page by page, and each is valid FHIR', async () => {
    const patient = newPatient()
    const ids = [
      await world.records.append('RecordRead', read(patient)),
      await world.consent.append('AccessDenied', denied(patient)),
    ]
    await isLogged(world, ...ids)
    const first = await world.service.request(
      auditor,
      `GET /fhir/AuditEvent?patient=${patient.patientId}&_count=1&date=ge2020`,
    )
    expect(first.headers.get('content-type')).toContain('application/fhir+json')
    const next = first.json.link.find(({ relation }: { relation: string }) => relation === 'next').url
    const second = await world.service.request(auditor, `GET ${next.replace('http://localhost:8080', '')}`)
    const found: JsonObject[] = [...first.json.entry, ...second.json.entry].map(({ resource }) => resource)
    expect(found.map((event) => validateResource(event).ok)).toEqual([true, true])
    expect(found.map(({ id }) => id)).toContain(ids[0])
    const inXml = { headers: { accept: 'application/fhir+xml' } }
    const search = `GET /fhir/AuditEvent?patient=${patient.patientId}`
    expect((await world.service.request(auditor, search, inXml)).status).toBe(406)
    expect((await world.service.request(auditor, `${search}&_format=json`, inXml)).status).toBe(200)
    const none = await world.service.request(auditor, `${search}&date=lt2020`)
    expect(none.json).toMatchObject({ total: 0 })
  })
})
