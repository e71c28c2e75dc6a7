import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { undeclaredRoutes } from '@careseal/authz'
import { Role, type Caller, type EventData } from '@careseal/contracts'
import { eventCommitment, fromHex, hex } from '@careseal/crypto'
import { createFhir, type JsonObject } from '@careseal/fhir'
import { loadDefinitions } from '@careseal/fhir/definitions'
import { projectionReader, ProjectionReader } from '@careseal/nest-event-store'
import { callerOf, eventually } from '@careseal/testing'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProducer, type TestProducer } from './producer.js'
import { proven, startService, type Service } from './service.js'

let service: Service
let database: Client
let records: TestProducer
let consent: TestProducer
let identity: TestProducer

beforeAll(async () => {
  service = await startService()
  const { nc, keyFile, databases } = service
  const start = (name: 'records' | 'consent' | 'identity') => startProducer(name, { nc, keyFile, ...databases[name] })
  ;[records, consent, identity] = await Promise.all([start('records'), start('consent'), start('identity')])
  database = new Client(service.postgres.url.replace(/postgres$/, 'careseal'))
  await database.connect()
})
afterAll(async () => {
  await database.end()
  await Promise.all([records.stop(), consent.stop(), identity.stop()])
  await service.stop()
})

const doctor = callerOf('practitioner')
const auditor = callerOf('auditor')
const newPatient = (): Caller => callerOf('patient', { accountId: randomUUID(), patientId: randomUUID() })
const actor = { actorId: doctor.accountId, role: doctor.role, memberId: doctor.memberId }

function read(patient: Caller): EventData<'RecordRead'> {
  const versions = [{ type: 'Observation', id: randomUUID(), versionId: randomUUID() }]
  const permitId = randomUUID()
  return { ...actor, patientId: patient.patientId, permitId, purpose: 'TREAT', interaction: 'read', versions }
}

function denied(patient: Caller): EventData<'AccessDenied'> {
  const asked = { patientId: patient.patientId!, purpose: 'HRESCH' as const, action: 'read' as const }
  return { ...actor, ...asked, types: ['Observation'], decisionId: randomUUID(), reason: 'no-consent' }
}

type Access = { eventId: string; event: string; [member: string]: unknown }

/** All pages of a patient's log. */
async function logOf(caller: Caller, patient: Caller, query = 'count=3'): Promise<Access[]> {
  const accesses: Access[] = []
  let path: string | undefined = `/audit/patients/${patient.patientId}/accesses?${query}`
  while (path !== undefined) {
    const { status, json } = await service.request(caller, `GET ${path}`)
    expect(status).toBe(200)
    accesses.push(...json.accesses)
    path = json.next
  }
  return accesses
}

async function isLogged(...eventIds: string[]): Promise<void> {
  await eventually(async () => {
    const { rows } = await database.query('SELECT event_id FROM audit.access_detail WHERE event_id = ANY ($1)', [
      eventIds,
    ])
    if (rows.length < eventIds.length) throw new Error(`${rows.length} of ${eventIds.length} events are logged`)
  })
}

describe('the access log', () => {
  it('lists every access exactly once, the newest first, over many pages', async () => {
    const [patient, other] = [newPatient(), newPatient()]
    const expected: string[] = []
    for (let n = 0; n < 5; n++) {
      expected.push(await consent.append('AccessDenied', denied(patient)))
      expected.push(await records.append('RecordRead', read(patient)))
      await records.append('RecordRead', read(other))
    }
    await isLogged(...expected)
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
    await identity.append('MemberAdmitted', { memberId, kind: 'hospital', organizationId })
    await identity.append('PractitionerRegistered', { accountId, memberId, practitionerId })
    const data = { ...read(patient), actorId: accountId, memberId }
    const eventId = await records.append('RecordRead', data)
    await isLogged(eventId)
    const [access] = await eventually(async () => {
      const found = await logOf(patient, patient, 'count=1')
      expect(JSON.stringify(found)).toContain(organizationId)
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
      await consent.append('AccessDenied', denied(patient)),
      await records.append('RecordRead', read(patient)),
      await records.append('RecordRead', another),
    ]
    await isLogged(...ids)
    const eventIds = async (query: string) => (await logOf(auditor, patient, query)).map(({ eventId }) => eventId)
    expect(await eventIds('outcome=denied')).toEqual([ids[0]])
    expect(await eventIds(`actor=${another.actorId}`)).toEqual([ids[2]])
    expect(await eventIds('until=2020-01-01T00:00:00Z')).toEqual([])
  })

  it('shows each look into it, which is an event before its answer', async () => {
    const patient = newPatient()
    await isLogged(await records.append('RecordRead', read(patient)))
    await logOf(auditor, patient)
    const { rows } = await database.query<{ event_type: string }>(
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
    expect(undeclaredRoutes(service.app)).toEqual([])
  })

  it('by role and route is this matrix', async () => {
    const patient = newPatient()
    const eventId = await records.append('RecordRead', read(patient))
    await isLogged(eventId)
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
      for (const route of routes) answers.push((await service.request(caller, `GET ${route}`)).status)
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
    const foreign = await service.request(newPatient(), `GET ${routes[2]}`)
    expect(foreign.json).toMatchObject({ total: 0 })
  })

  it('of an unknown patient is nobody, and the question leaves no trace of the id', async () => {
    const unknown = newPatient()
    const { status } = await service.request(auditor, `GET /audit/patients/${unknown.patientId}/accesses`)
    expect(status).toBe(404)
    const { rows } = await database.query('SELECT 1 FROM audit_keys.subject WHERE subject_id = $1', [unknown.patientId])
    expect(rows).toEqual([])
  })
})

describe('a receipt', () => {
  it('is there when the event is sealed, opened by its producer for this caller', async () => {
    const patient = newPatient()
    const eventId = await records.append('RecordRead', read(patient))
    await isLogged(eventId)
    const line = `GET /audit/patients/${patient.patientId}/accesses/${eventId}/receipt`
    const early = await service.request(patient, line)
    expect([early.status, early.headers.get('retry-after'), early.json.code]).toEqual([503, '2', 'not-sealed'])
    records.leafIndexes.set(eventId, 41)
    expect((await service.request(patient, line)).json.code).toBe('not-sealed')
    proven.add(41)
    const { status, json } = await service.request(patient, line)
    expect([status, json.v, json.leaf.producer, json.proof]).toEqual([200, 1, 'records', '{"proof":"41"}'])
    const body = Buffer.from(json.event.body, 'base64')
    expect(hex(eventCommitment(fromHex(json.event.opening, 32), json.event.type, body))).toBe(json.leaf.commitment)
    expect(records.opened.at(-1)).toMatchObject({ eventId, caller: { patientId: patient.patientId } })
  })

  it('does not come without its producer', async () => {
    const patient = newPatient()
    const eventId = await identity.append('PatientAccountOpened', {
      accountId: randomUUID(),
      patientId: patient.patientId!,
    })
    const path = `/audit/patients/${patient.patientId}/accesses/${eventId}/receipt`
    expect((await service.request(patient, `GET ${path}`)).status).toBe(404)
  })
})

describe('AuditEvents', () => {
  const { validateResource } = createFhir(loadDefinitions())

  it('are found by patient and date, page by page, and each is valid FHIR', async () => {
    const patient = newPatient()
    const ids = [
      await records.append('RecordRead', read(patient)),
      await consent.append('AccessDenied', denied(patient)),
    ]
    await isLogged(...ids)
    const first = await service.request(
      auditor,
      `GET /fhir/AuditEvent?patient=${patient.patientId}&_count=1&date=ge2020`,
    )
    expect(first.headers.get('content-type')).toContain('application/fhir+json')
    const next = first.json.link.find(({ relation }: { relation: string }) => relation === 'next').url
    const second = await service.request(auditor, `GET ${next.replace('http://localhost:8080', '')}`)
    const found: JsonObject[] = [...first.json.entry, ...second.json.entry].map(({ resource }) => resource)
    expect(found.map((event) => validateResource(event).ok)).toEqual([true, true])
    expect(found.map(({ id }) => id)).toContain(ids[0])
    const none = await service.request(auditor, `GET /fhir/AuditEvent?patient=${patient.patientId}&date=lt2020`)
    expect(none.json).toMatchObject({ total: 0 })
  })
})

describe('the projection', () => {
  it('rebuilt from the producers equals the live one, while the service runs', async () => {
    await caughtUp()
    const live = await dump()
    const { settings } = service
    const env = { ...process.env, ...stringsOf(settings) }
    const command = new URL('../dist/rebuild.js', import.meta.url).pathname
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [command], { env })
    expect(stdout).toBe('rebuilt access-log\nrebuilt accounts\n')
    expect(stderr).toMatch(/access-log \d+\/\d+/)
    expect(live.length).toBeGreaterThan(10)
    expect(await dump()).toEqual(live)
    await isLogged(await records.append('RecordRead', read(newPatient())))
  })

  it('after an erasure keeps the lines but not whose they were, also when it is rebuilt', async () => {
    const patient = newPatient()
    const eventId = await records.append('RecordRead', read(patient))
    await isLogged(eventId)
    await caughtUp()
    const { rows: before } = await database.query('SELECT count(*)::int AS lines FROM audit.access_log')
    await erase(patient.patientId!)
    await service.app.get<ProjectionReader>(projectionReader('access-log'), { strict: false }).rebuild()
    const { rows: after } = await database.query('SELECT count(*)::int AS lines FROM audit.access_log')
    expect(after[0].lines).toBeGreaterThanOrEqual(before[0].lines)
    const { rows } = await database.query('SELECT 1 FROM audit.access_detail WHERE event_id = $1', [eventId])
    const { rows: links } = await database.query('SELECT 1 FROM audit.subject_number WHERE patient_id = $1', [
      patient.patientId,
    ])
    expect([rows, links]).toEqual([[], []])
    expect((await service.request(auditor, `GET /audit/patients/${patient.patientId}/accesses`)).status).toBe(404)
  })
})

describe('the monitor', () => {
  it('counts denials by code, and no id is a label', async () => {
    await consent.append('AccessDenied', denied(newPatient()))
    await eventually(async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${service.metricsPort}/metrics`)).text()
      const lines = metrics.split('\n').filter((line) => line.startsWith('careseal_access_denials'))
      expect(lines.join('\n')).toMatch(
        /careseal_access_denials_total\{reason="no-consent",role="practitioner",purpose="HRESCH"/,
      )
      expect(lines.join('\n')).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
      expect(lines.find((line) => line.startsWith('careseal_access_denials_last_minute'))).toMatch(/ [1-9]\d*$/)
    })
  })
})

/** All lines with whose they are, without the random ids of the lines. */
async function dump(): Promise<object[]> {
  const { rows } = await database.query(
    `SELECT n.patient_id, l.*, d.* FROM audit.access_log l JOIN audit.access_detail d USING (entry_id)
     LEFT JOIN audit.subject_number n USING (number) ORDER BY d.event_id`,
  )
  return rows.map(({ entry_id: _entry, ...row }) => row)
}
function caughtUp(): Promise<void> {
  return eventually(() => {
    const reader = service.app.get<ProjectionReader>(projectionReader('access-log'), { strict: false })
    const lags = Object.values(reader.status()?.producers ?? {}).map(({ seq, headSeq }) => (headSeq ?? Infinity) - seq)
    expect(lags).toEqual(lags.map(() => 0))
  })
}

/** What erasure does in this service, by hand. */
async function erase(patientId: string): Promise<void> {
  await database.query('BEGIN')
  await database.query('SET LOCAL ROLE audit_eraser')
  await database.query('SET LOCAL search_path = audit, audit_keys')
  await database.query(
    `DELETE FROM access_detail d USING access_log l, subject_number s
     WHERE l.entry_id = d.entry_id AND s.number = l.number AND s.patient_id = $1`,
    [patientId],
  )
  await database.query('DELETE FROM subject_number WHERE patient_id = $1', [patientId])
  await database.query('DELETE FROM subject_key WHERE subject_id = $1', [patientId])
  await database.query("UPDATE subject SET state = 'erased' WHERE subject_id = $1", [patientId])
  await database.query('COMMIT')
}

function stringsOf(settings: object): Record<string, string> {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([name, value]) => [name, String(value)]))
}
