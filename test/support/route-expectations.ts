// What every route answers to whom. A route of an OpenAPI document that is not in this table fails the access matrix.
import { observationOf, grantOf, LOGINS, type Asked, type Login } from './callers.js'

/** Objects of patient-1, or ids of nothing. */
export type Ids = Record<
  'patient' | 'practitioner' | 'observation' | 'version' | 'consent' | 'consentVersion' | 'event',
  string
>

export type Expectation = {
  /** Who gets past the guard. */
  door: 'public' | readonly Login[]
  /** Who is served patient-1's object; to all others it is as if it did not exist. */
  served?: readonly Login[]
  /** Who of those is told 403 about it. */
  refuses?: readonly Login[]
  /** Whether the request uses its object up, so that each caller needs one of its own. */
  consumes?: boolean
  ask: (ids: Ids) => Omit<Asked, 'method'>
}

const PATIENTS: readonly Login[] = ['patient-1', 'patient-2']
const MEMBERS: readonly Login[] = ['hospital', 'lab', 'clinician', 'clinician-2']
const CLINICAL: readonly Login[] = [...MEMBERS, ...PATIENTS]
const READERS: readonly Login[] = ['patient-1', 'clinician-2']
// The hospital wrote it, and clinician-2 is permitted to read it.
const CHANGERS: readonly Login[] = ['hospital', 'clinician-2']
const LOG_READERS: readonly Login[] = [...PATIENTS, 'auditor']
const LOG_SERVED: readonly Login[] = ['patient-1', 'auditor']

const at = (path: string) => () => ({ path })
const open = (path: string): Expectation => ({ door: 'public', ask: at(path) })
const admin = (path: string, body?: object): Expectation => ({
  door: ['operator'],
  ask: () => ({ path, ...(body ? { body } : {}) }),
})
const reading = (pathOf: (ids: Ids) => string): Expectation => ({
  door: CLINICAL,
  served: READERS,
  ask: (ids) => ({ path: pathOf(ids) }),
})
const logged = (pathOf: (ids: Ids) => string): Expectation => ({
  door: LOG_READERS,
  served: LOG_SERVED,
  ask: (ids) => ({ path: pathOf(ids) }),
})

const observation = ({ observation: id }: Ids) => `/fhir/Observation/${id}`
const observationVersion = (ids: Ids) => `${observation(ids)}/_history/${ids.version}`
const consent = ({ consent: id }: Ids) => `/fhir/Consent/${id}`

const IDENTITY: Record<string, Expectation> = {
  ...Object.fromEntries(
    ['members', 'practitioners', 'patients', 'staff', 'clients'].flatMap((name) => [
      [`GET /auth/${name}`, admin(`/auth/${name}`)],
      [`POST /auth/${name}`, admin(`/auth/${name}`, {})],
    ]),
  ),
  'DELETE /auth/accounts/{id}': admin('/auth/accounts/00000000-0000-4000-8000-000000000000'),
  'POST /auth/token': { door: 'public', ask: () => ({ path: '/auth/token', body: new URLSearchParams() }) },
  'GET /auth/jwks': open('/auth/jwks'),
  'GET /auth/.well-known/openid-configuration': open('/auth/.well-known/openid-configuration'),
  'GET /auth/.well-known/oauth-authorization-server': open('/auth/.well-known/oauth-authorization-server'),
}

const RECORDS: Record<string, Expectation> = {
  'GET /fhir/metadata': open('/fhir/metadata'),
  'GET /fhir/.well-known/smart-configuration': open('/fhir/.well-known/smart-configuration'),
  'POST /fhir': {
    door: LOGINS,
    served: READERS,
    ask: (ids) => {
      const entry = [{ request: { method: 'GET', url: `Observation/${ids.observation}` } }]
      return { path: '/fhir', body: { resourceType: 'Bundle', type: 'batch', entry } }
    },
  },
  'GET /fhir/{type}': reading((ids) => `/fhir/Observation?_id=${ids.observation}`),
  'POST /fhir/{type}/_search': {
    door: CLINICAL,
    served: READERS,
    ask: (ids) => ({ path: '/fhir/Observation/_search', body: new URLSearchParams({ _id: ids.observation }) }),
  },
  // Members add to a record without a consent (CONSENT_DEFAULT_WRITE), so for them it tells that the patient is there.
  'POST /fhir/{type}': {
    door: MEMBERS,
    served: MEMBERS,
    ask: ({ patient }) => ({ path: '/fhir/Observation', body: observationOf(patient) }),
  },
  'GET /fhir/{type}/{id}': reading(observation),
  'PUT /fhir/{type}/{id}': {
    door: MEMBERS,
    served: CHANGERS,
    consumes: true,
    ask: (ids) => ({ path: observation(ids), body: observationOf(ids.patient, { id: ids.observation }) }),
  },
  'DELETE /fhir/{type}/{id}': {
    door: MEMBERS,
    served: CHANGERS,
    consumes: true,
    ask: (ids) => ({ path: observation(ids) }),
  },
  'GET /fhir/{type}/{id}/_history': reading((ids) => `${observation(ids)}/_history`),
  'GET /fhir/{type}/{id}/_history/{versionId}': reading(observationVersion),
  'GET /fhir/{type}/{id}/_history/{versionId}/$receipt': reading((ids) => `${observationVersion(ids)}/$receipt`),
}

const CONSENT: Record<string, Expectation> = {
  'POST /fhir/Consent': {
    door: CLINICAL,
    served: ['patient-1'],
    ask: ({ patient, practitioner }) => ({ path: '/fhir/Consent', body: grantOf(patient, practitioner) }),
  },
  'GET /fhir/Consent': reading(({ consent: id }) => `/fhir/Consent?_id=${id}`),
  'POST /fhir/Consent/_search': {
    door: CLINICAL,
    served: READERS,
    ask: (ids) => ({ path: '/fhir/Consent/_search', body: new URLSearchParams({ patient: ids.patient }) }),
  },
  'GET /fhir/Consent/{id}': reading(consent),
  'GET /fhir/Consent/{id}/_history': reading((ids) => `${consent(ids)}/_history`),
  'GET /fhir/Consent/{id}/_history/{versionId}': reading((ids) => `${consent(ids)}/_history/${ids.consentVersion}`),
  // The grantee may see the consent, so a refused change is told as 403 to it and as 404 to all others.
  'PUT /fhir/Consent/{id}': {
    door: CLINICAL,
    served: READERS,
    refuses: ['clinician-2'],
    ask: (ids) => ({ path: consent(ids), body: { ...grantOf(ids.patient, ids.practitioner), id: ids.consent } }),
  },
  'DELETE /fhir/Consent/{id}': { door: CLINICAL, ask: (ids) => ({ path: consent(ids) }) },
}

const AUDIT: Record<string, Expectation> = {
  'GET /audit/patients/{patientId}/accesses': logged(({ patient }) => `/audit/patients/${patient}/accesses?count=3`),
  'GET /audit/patients/{patientId}/accesses/{eventId}/receipt': logged(
    ({ patient, event }) => `/audit/patients/${patient}/accesses/${event}/receipt`,
  ),
  'GET /fhir/AuditEvent': logged(({ patient }) => `/fhir/AuditEvent?patient=${patient}&_count=3`),
  'GET /fhir/AuditEvent/{id}': logged(({ event }) => `/fhir/AuditEvent/${event}`),
}

const LEDGER: Record<string, Expectation> = {
  'GET /ledger/blocks': open('/ledger/blocks?limit=1'),
  'GET /ledger/blocks/{height}': open('/ledger/blocks/0'),
  'GET /ledger/entries': open('/ledger/entries?limit=1'),
  'GET /ledger/entries/{index}': open('/ledger/entries/0'),
  'GET /ledger/feed': open('/ledger/feed?from=0&count=1'),
  'GET /ledger/governance': open('/ledger/governance?limit=1'),
  'GET /ledger/keys': open('/ledger/keys'),
  'GET /ledger/checkpoint': open('/ledger/checkpoint'),
  'GET /ledger/vkey': open('/ledger/vkey'),
  'GET /ledger/proof/inclusion': open('/ledger/proof/inclusion?index=0&size=2'),
  'GET /ledger/proof/consistency': open('/ledger/proof/consistency?old=1&new=2'),
  'GET /ledger/proof/tlog': open('/ledger/proof/tlog?index=0'),
  'GET /ledger/tile/{path}': open('/ledger/tile/0/000.p/1'),
  // Whoever asks: without two operators' approvals it is no entry.
  'POST /ledger/admin-entries': {
    ...open('/ledger/admin-entries'),
    ask: () => ({ path: '/ledger/admin-entries', body: {} }),
  },
  'GET /ledger/producers': open('/ledger/producers'),
  'GET /ledger/producers/{name}': open('/ledger/producers/records'),
  'GET /ledger/status': open('/ledger/status'),
}

export const EXPECTATIONS: Record<string, Expectation> = { ...IDENTITY, ...RECORDS, ...CONSENT, ...AUDIT, ...LEDGER }
