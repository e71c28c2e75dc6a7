// Values for specs that are obviously made up: ids that count, names that nobody bears.
import type { Caller, EventBody, EventData, EventType, Role } from '@careseal/contracts'

/** The n-th test id, a valid UUID that reads as its number: `idOf(7)` ends in `…0007`. */
export function idOf(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`
}

/** A caller of this role, with ids that do not collide between roles. */
export function callerOf(role: Role, changes: Partial<Caller> = {}): Caller {
  const base = { accountId: idOf(100), clientId: `test-${role}`, role, scopes: ['system/*.cruds'] }
  const links: Record<Role, Partial<Caller>> = {
    patient: { accountId: idOf(101), patientId: idOf(201) },
    practitioner: { accountId: idOf(102), memberId: idOf(301), practitionerId: idOf(202), organizationId: idOf(203) },
    system: { accountId: idOf(103), memberId: idOf(301), organizationId: idOf(203) },
    auditor: { accountId: idOf(104) },
    operator: { accountId: idOf(105) },
  }
  return { ...base, ...links[role], ...changes }
}

/** The public body of an event, as a producer would write it. */
export function eventBody<T extends EventType>(
  type: T,
  data: EventData<T>,
  changes: Partial<EventBody<T>> = {},
): EventBody<T> {
  return { id: idOf(900), type, schemaVersion: 1, time: '2026-01-01T00:00:00Z', data, ...changes }
}

/** A FHIR Patient with a syllable for a name. */
export function patientResource(n = 1): Record<string, unknown> & { resourceType: 'Patient' } {
  return {
    resourceType: 'Patient',
    name: [{ family: `Testling${n}`, given: ['Bobo'] }],
    gender: 'unknown',
    birthDate: '1970-01-01',
  }
}

/** A FHIR Observation (heart rate) of a patient. */
export function observationResource(
  patientId: string,
  changes: Record<string, unknown> = {},
): Record<string, unknown> & { resourceType: 'Observation' } {
  return {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }] },
    subject: { reference: `Patient/${patientId}` },
    effectiveDateTime: '2026-01-01T08:00:00Z',
    valueQuantity: { value: 60, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
    ...changes,
  }
}

/** A FHIR Consent by which a patient permits (or denies) a practitioner or an organisation. */
export function consentResource(
  patientId: string,
  grantee: `Practitioner/${string}` | `Organization/${string}`,
  changes: Record<string, unknown> = {},
): Record<string, unknown> & { resourceType: 'Consent' } {
  const role = { system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'OPTIN' }] },
    provision: { type: 'permit', actor: [{ role: { coding: [role] }, reference: { reference: grantee } }] },
    ...changes,
  }
}
