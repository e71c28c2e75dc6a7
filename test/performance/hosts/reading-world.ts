// Patients with records, and a clinician whom each of them lets read: what a read and its decision need.
import { idsAt } from '@careseal/stack'
import { patientBundle } from '@careseal/synthetic'
import type { BenchmarkContext } from '../result.js'
import { RunningStack } from './running-stack.js'

export type ReadingWorld = {
  stack: RunningStack
  /** The clinician's claims, as services pass them on. */
  clinician: { accountId: string; clientId: string; memberId: string; practitionerId: string; scopes: string[] }
  patientIds: string[]
  observationIds: string[]
}

const PATIENTS = 32
/** The hospital's system writes the patients' consents down for them. */
const ENVIRONMENT = { CONSENT_RECORDERS: 'system' }
const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem'

export async function startReadingWorld(context: BenchmarkContext): Promise<ReadingWorld> {
  const stack = await RunningStack.start(context, ENVIRONMENT)
  const locations: string[] = []
  for (let index = 0; index < PATIENTS; index++) {
    locations.push(...(await importPatient(stack, context.seed, index)))
    if (index % 8 === 0) context.progress(`importing patients: ${index} of ${PATIENTS}`)
  }
  const patientIds = idsAt(locations, 'Patient')
  const practitioners = idsAt(locations, 'Practitioner').slice(0, 1)
  await stack.createPeople({ patients: [], practitioners, organizations: idsAt(locations, 'Organization').slice(0, 1) })
  const clinician = await clinicianOf(stack)
  for (const patientId of patientIds) {
    await post(stack, '/fhir/Consent', consentOf(patientId, clinician.practitionerId))
  }
  return { stack, clinician, patientIds, observationIds: idsAt(locations, 'Observation') }
}

async function importPatient(stack: RunningStack, seed: string, index: number): Promise<string[]> {
  const answer = await post(stack, '/fhir', patientBundle({ seed, index, years: 1 }))
  const { entry = [] } = answer as { entry?: { response: { location: string } }[] }
  return entry.map(({ response }) => response.location)
}

async function post(stack: RunningStack, path: string, body: object): Promise<unknown> {
  const token = await stack.token('hospital')
  const response = await fetch(stack.origin + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text.slice(0, 300)}`)
  return JSON.parse(text)
}

type Claims = {
  sub: string
  client_id: string
  scope: string
  careseal: { memberId: string; practitionerId: string }
}

async function clinicianOf(stack: RunningStack): Promise<ReadingWorld['clinician']> {
  const [, payload = ''] = (await stack.token('clinician')).split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
  const { memberId, practitionerId } = claims.careseal
  return {
    accountId: claims.sub,
    clientId: claims.client_id,
    memberId,
    practitionerId,
    scopes: claims.scope.split(' '),
  }
}

function consentOf(patientId: string, practitionerId: string): object {
  const recipient = { coding: [{ system: `${TERMINOLOGY}/v3-ParticipationType`, code: 'IRCP' }] }
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [{ system: `${TERMINOLOGY}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: '2026-01-01',
    policy: [{ uri: 'http://example.org/policies/base' }],
    provision: {
      type: 'permit',
      actor: [{ role: recipient, reference: { reference: `Practitioner/${practitionerId}` } }],
      purpose: [{ system: `${TERMINOLOGY}/v3-ActReason`, code: 'TREAT' }],
    },
  }
}
