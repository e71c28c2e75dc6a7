// The audit service, the producers that it listens to, and what tests say of both.
import { randomUUID } from 'node:crypto'
import type { Caller, EventData } from '@careseal/contracts'
import { callerOf, eventually } from '@careseal/testing'
import { Client } from 'pg'
import { startProducer } from './producer.js'
import { startService } from './service.js'

const doctor = callerOf('practitioner')
const actor = { actorId: doctor.accountId, role: doctor.role, memberId: doctor.memberId }

export const auditor = callerOf('auditor')
export const newPatient = (): Caller => callerOf('patient', { accountId: randomUUID(), patientId: randomUUID() })

export type World = Awaited<ReturnType<typeof startWorld>>
export type Access = { eventId: string; event: string; [member: string]: unknown }

export async function startWorld() {
  const service = await startService()
  const { connectAs, keyFile, databases } = service
  const start = async (name: 'records' | 'consent' | 'identity') =>
    startProducer(name, { nc: await connectAs(name), keyFile, ...databases[name] })
  const [records, consent, identity] = await Promise.all([start('records'), start('consent'), start('identity')])
  const database = new Client(service.postgres.url.replace(/postgres$/, 'careseal'))
  await database.connect()
  const stop = async () => {
    await database.end()
    await Promise.all([records.stop(), consent.stop(), identity.stop()])
    await service.stop()
  }
  return { service, database, records, consent, identity, stop }
}

/** A doctor read one Observation of the patient. */
export function read(patient: Caller): EventData<'RecordRead'> {
  const versions = [{ type: 'Observation', id: randomUUID(), versionId: randomUUID() }]
  const permitId = randomUUID()
  return { ...actor, patientId: patient.patientId, permitId, purpose: 'TREAT', interaction: 'read', versions }
}

/** A doctor was refused to read Observations of the patient for research. */
export function denied(patient: Caller): EventData<'AccessDenied'> {
  const asked = { patientId: patient.patientId!, purpose: 'HRESCH' as const, action: 'read' as const }
  return { ...actor, ...asked, types: ['Observation'], decisionId: randomUUID(), reason: 'no-consent' }
}

/** Waits until the access log shows these events. */
export async function isLogged({ database }: World, ...eventIds: string[]): Promise<void> {
  const sql = 'SELECT event_id FROM audit.access_detail WHERE event_id = ANY ($1)'
  await eventually(async () => {
    const { rows } = await database.query(sql, [eventIds])
    if (rows.length < eventIds.length) throw new Error(`${rows.length} of ${eventIds.length} events are logged`)
  })
}
