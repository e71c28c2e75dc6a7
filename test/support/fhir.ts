// FHIR over plain fetch, for tests that look at statuses and headers.
import { patientBundle } from '@careseal/synthetic'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type Answer = { status: number; headers: Headers; body: Record<string, unknown> }

type Asked = { method: string; token: string; body?: unknown; headers?: object }

/** One request with a bearer token; an answer without a body has `{}`. */
export async function answerOf(url: string, { method, token, body, headers }: Asked): Promise<Answer> {
  const response = await fetch(url, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const parsed = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body: parsed }
}

/** What a token says of its caller besides scopes: ids of the patient, the practitioner, the organisation. */
export function claimsOf(token: string): Record<string, string> {
  const payload = Buffer.from(token.split('.')[1]!, 'base64url').toString()
  return (JSON.parse(payload) as { careseal: Record<string, string> }).careseal
}

const coding = (system: string, code: string) => ({ system: `http://terminology.hl7.org/CodeSystem/${system}`, code })

type Provision = { type?: string; actors?: string[]; purposes?: string[]; period?: object }

/** A consent of this patient, for treatment by default. */
export function grantOf(patientId: string, { type = 'permit', actors = [], purposes = ['TREAT'], period }: Provision) {
  const role = { coding: [coding('v3-ParticipationType', 'IRCP')] }
  return {
    resourceType: 'Consent',
    status: 'active',
    scope: { coding: [coding('consentscope', 'patient-privacy')] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: '2026-01-01',
    policy: [{ uri: 'http://example.org/policy' }],
    provision: {
      type,
      ...(period ? { period } : {}),
      ...(actors.length > 0 ? { actor: actors.map((reference) => ({ role, reference: { reference } })) } : {}),
      purpose: purposes.map((code) => coding('v3-ActReason', code)),
    },
  }
}

/** A folder for `careseal up --data`: one bundle for each made-up patient. */
export function writeBundles(folder: string, options: { seed: string; patients: number; years?: number }): void {
  const { patients, ...more } = options
  for (let index = 0; index < patients; index++) {
    writeFileSync(join(folder, `${index}.json`), JSON.stringify(patientBundle({ ...more, index })))
  }
}
