// Consents for specs.
import type { JsonObject } from '@careseal/fhir'

/** A valid FHIR Consent: treatment is permitted to everybody; `provision` is merged in. */
export function consentResource(patientId: string, provision: JsonObject = {}): JsonObject {
  const terminology = 'http://terminology.hl7.org/CodeSystem'
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [{ system: `${terminology}/consentscope`, code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: '2026-01-01',
    policy: [{ uri: 'http://example.org/policies/base' }],
    provision: { type: 'permit', purpose: [{ system: `${terminology}/v3-ActReason`, code: 'TREAT' }], ...provision },
  }
}

/** An actor of a provision who receives data. */
export function recipient(type: 'Practitioner' | 'Organization', id: string): JsonObject {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType'
  return { role: { coding: [{ system, code: 'IRCP' }] }, reference: { reference: `${type}/${id}` } }
}
