import { callerOf } from '@careseal/testing'
import type { Caller } from '@careseal/contracts'
import { request } from '@careseal/messaging'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consentResource, recipient } from '../src/consent/consent.builder.js'
import { startService, type Service } from './service.js'

let service: Service
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

const doctor = callerOf('practitioner')
const newPatient = (): Caller => callerOf('patient', { accountId: randomUUID(), patientId: randomUUID() })
const forDoctor = (patient: Caller) =>
  consentResource(patient.patientId!, { actor: [recipient('Practitioner', doctor.practitionerId!)] })

async function decide(patient: Caller) {
  const asked = { caller: doctor, patientIds: [patient.patientId!], action: 'read' as const, types: ['Observation'] }
  const payload = { ...asked, purpose: 'TREAT' as const }
  const reply = await request(service.nc, 'consent', 'decide-access', payload, { deadlineMs: 5_000 })
  return reply.decisions[0]!
}

describe('what is stored', () => {
  it('holds no word of the consent outside the ciphertext', async () => {
    const patient = newPatient()
    const canary = 'canary-7f3a9c51'
    const body = { ...forDoctor(patient), policy: [{ uri: `http://example.org/${canary}` }] }
    const { json } = await service.request(patient, 'POST /fhir/Consent', { body })
    expect(json.policy[0].uri).toContain(canary)
    const tables = ['consent_version', 'active_consent', 'consent_head', 'event', 'event_private', 'outbox_numbered']
    for (const table of tables) {
      const { rows } = await service.database.query(`SELECT t::text AS row FROM consent.${table} t`)
      const text = rows.map(({ row }) => row).join('\n')
      expect([table, text.includes(canary), text.includes(Buffer.from(canary).toString('hex'))]).toEqual([
        table,
        false,
        false,
      ])
    }
  })
})

describe('when a part fails', () => {
  it('a decision is an error, never a permit', async () => {
    const patient = newPatient()
    await service.request(patient, 'POST /fhir/Consent', { body: forDoctor(patient) })
    await service.database.query('ALTER TABLE consent.tag_counter RENAME TO tag_counter_away')
    try {
      await expect(decide(patient)).rejects.toThrow('consent')
    } finally {
      await service.database.query('ALTER TABLE consent.tag_counter_away RENAME TO tag_counter')
    }
    expect(await decide(patient)).toMatchObject({ permitted: true })
  })
})
