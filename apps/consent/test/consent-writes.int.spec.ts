// What a write of a consent leaves behind when it is sent again, and when it is refused.
import { randomUUID } from 'node:crypto'
import type { Caller } from '@careseal/contracts'
import type { JsonObject } from '@careseal/fhir'
import { callerOf } from '@careseal/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GATE_NAMESPACE } from '../src/active-consents/head-gate.js'
import { consentResource } from '../src/consent/consent.builder.js'
import { startService, type Service } from './service.js'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

const newPatient = (): Caller => callerOf('patient', { accountId: randomUUID(), patientId: randomUUID() })

async function grant(patient: Caller) {
  const created = await service.request(patient, 'POST /fhir/Consent', { body: consentResource(patient.patientId!) })
  expect(created.status).toBe(201)
  return created.json as JsonObject & { id: string; meta: { versionId: string } }
}

async function writesOf(patient: Caller): Promise<string[]> {
  const { rows } = await service.database.query<{ event_type: string }>(
    `SELECT event_type FROM consent.event e JOIN consent.event_private p ON p.event_pk = e.pk
     WHERE p.subject_id = $1 AND event_type IN ('ConsentGranted', 'ConsentRevoked') ORDER BY e.pk`,
    [patient.patientId],
  )
  return rows.map((row) => row.event_type)
}

async function statusesOfWrites(caller: Caller, { patientId }: Caller, consentId: string): Promise<number[]> {
  const body = consentResource(patientId!)
  const created = await service.request(caller, 'POST /fhir/Consent', { body })
  const put = { body: { ...body, id: consentId } }
  return [created.status, (await service.request(caller, `PUT /fhir/Consent/${consentId}`, put)).status]
}

describe('a write that is sent again with the same Idempotency-Key', () => {
  it('makes one consent and has one answer', async () => {
    const patient = newPatient()
    const body = consentResource(patient.patientId!)
    const headers = { 'idempotency-key': randomUUID() }
    const send = (resource: JsonObject) => service.request(patient, 'POST /fhir/Consent', { body: resource, headers })
    const [one, two] = await Promise.all([send(body), send(body)])
    expect([one.status, two.status]).toEqual([201, 201])
    expect(two.headers.get('location')).toBe(one.headers.get('location'))
    expect(two.json).toEqual(one.json)
    expect((await send({ ...body, dateTime: '2026-02-02' })).json.issue[0].details.coding[0].code).toBe(
      'idempotency-mismatch',
    )
    expect(await writesOf(patient)).toEqual(['ConsentGranted'])
  })

  it('replaces or revokes once and has one answer', async () => {
    const patient = newPatient()
    const { id, meta, ...rest } = await grant(patient)
    const changes = [
      { ...rest, id, provision: { type: 'deny' } },
      { ...rest, id, status: 'inactive' },
    ]
    for (const body of changes) {
      const headers = { 'idempotency-key': randomUUID() }
      const send = (more: object = {}) =>
        service.request(patient, `PUT /fhir/Consent/${id}`, { body, headers: { ...headers, ...more } })
      const [one, two] = await Promise.all([send(), send()])
      expect([one.status, two.status, (await send()).status]).toEqual([200, 200, 200])
      expect([two.json, two.headers.get('etag')]).toEqual([one.json, one.headers.get('etag')])
      const other = await send({ 'if-match': `W/"${meta.versionId}"` })
      expect([other.status, other.json.issue[0].details.coding[0].code]).toEqual([422, 'idempotency-mismatch'])
    }
    expect(await writesOf(patient)).toEqual(['ConsentGranted', 'ConsentGranted', 'ConsentRevoked'])
  })
})

describe('a write that is refused', () => {
  it('takes no lock of the patient and leaves no row behind', async () => {
    const patient = newPatient()
    const { id } = await grant(patient)
    const unmet = newPatient().patientId!
    await service.database.query('BEGIN')
    await service.database.query('SELECT pg_advisory_xact_lock_shared($1, gate) FROM consent.gates_of($2) AS gate', [
      GATE_NAMESPACE,
      [patient.patientId!, unmet],
    ])
    try {
      for (const named of [patient.patientId!, unmet]) {
        const body = { ...consentResource(named), id }
        const stranger = newPatient()
        expect((await service.request(stranger, `PUT /fhir/Consent/${id}`, { body })).status).toBe(404)
        const { id: _id, ...grantOfStranger } = body
        expect((await service.request(stranger, 'POST /fhir/Consent', { body: grantOfStranger })).status).toBe(403)
      }
    } finally {
      await service.database.query('COMMIT')
    }
    const { rows } = await service.database.query(
      `SELECT patient_id::text FROM consent.consent_head WHERE patient_id::text = $1
       UNION ALL SELECT subject_id FROM consent_keys.subject WHERE subject_id = $1`,
      [unmet],
    )
    expect(rows).toEqual([])
  })

  it('does not use up its Idempotency-Key', async () => {
    const patient = newPatient()
    const { id, meta, ...rest } = await grant(patient)
    const headers = { 'idempotency-key': randomUUID(), 'if-match': `W/"${randomUUID()}"` }
    const put = { body: { ...rest, id, status: 'inactive' }, headers }
    expect((await service.request(patient, `PUT /fhir/Consent/${id}`, put)).status).toBe(412)
    const corrected = { ...put, headers: { ...headers, 'if-match': `W/"${meta.versionId}"` } }
    expect((await service.request(patient, `PUT /fhir/Consent/${id}`, corrected)).status).toBe(200)
  })

  it('tells of an erasure to the patient alone', async () => {
    const [patient, unknown] = [newPatient(), newPatient()]
    const { id } = await grant(patient)
    await service.database.query(`UPDATE consent_keys.subject SET state = 'erased' WHERE subject_id = $1`, [
      patient.patientId,
    ])
    expect(await statusesOfWrites(patient, patient, id)).toEqual([410, 410])
    const asStranger = await statusesOfWrites(newPatient(), patient, id)
    expect(asStranger).toEqual(await statusesOfWrites(newPatient(), unknown, randomUUID()))
  })
})
