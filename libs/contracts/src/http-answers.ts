// What HTTP routes answer, for those that do not say so beside their controller: by method and path as OpenAPI writes
// them. Descriptions are made of it, and the types of the client; a test holds real answers against it.
import { z } from 'zod'
import { Instant, MemberKind, PurposeOfUse, Role, ServerId } from './vocabulary.js'

export type HttpAnswer = {
  contentType: 'application/json' | 'application/fhir+json' | 'application/jwk-set+json' | 'text/plain'
  schema: z.ZodType
}

const json = (schema: z.ZodType): HttpAnswer => ({ contentType: 'application/json', schema })
const fhir = (schema: z.ZodType): HttpAnswer => ({ contentType: 'application/fhir+json', schema })
const plain: HttpAnswer = { contentType: 'text/plain', schema: z.string() }

/** The envelope that every stored FHIR resource has; what stands inside is for FHIR's own definitions to say. */
const meta = z.looseObject({ versionId: z.string(), lastUpdated: z.string() })
const stored = { id: z.string(), meta }
const Resource = z.looseObject({ resourceType: z.string(), ...stored })
const Consent = z.looseObject({ resourceType: z.literal('Consent'), ...stored, status: z.string() })
const AuditEvent = z.looseObject({ resourceType: z.literal('AuditEvent'), id: z.string(), recorded: z.string() })

function bundleOf(resource: z.ZodType) {
  const link = z.looseObject({ relation: z.string(), url: z.string() })
  const response = z.looseObject({ status: z.string(), location: z.string().optional(), etag: z.string().optional() })
  const entry = z.looseObject({
    fullUrl: z.string().optional(),
    resource: resource.optional(),
    response: response.optional(),
  })
  return z.looseObject({
    resourceType: z.literal('Bundle'),
    type: z.string(),
    total: z.int().nonnegative().optional(),
    link: z.array(link).optional(),
    entry: z.array(entry).optional(),
  })
}

const receipt = json(
  z.strictObject({
    v: z.literal(1),
    event: z.strictObject({ type: z.string(), body: z.string().optional(), opening: z.string().optional() }),
    leaf: z.strictObject({ producer: z.string(), seq: z.int().positive(), tag: z.string(), commitment: z.string() }),
    proof: z.string().describe('the text of a C2SP tlog-proof file'),
    record: z.looseObject({}).optional().describe('what opens the record version that the event is about'),
  }),
)

const Access = z.strictObject({
  eventId: ServerId,
  time: Instant,
  event: z.string(),
  action: z.string(),
  interaction: z.string(),
  outcome: z.enum(['success', 'denied']),
  actor: z.strictObject({
    accountId: ServerId,
    role: z.string(),
    memberId: ServerId.optional(),
    practitionerId: z.string().optional(),
    organizationId: z.string().optional(),
  }),
  purpose: PurposeOfUse.optional(),
  types: z.array(z.string()),
  resources: z.array(z.string()),
  facts: z.strictObject({
    basis: z.string().optional(),
    reason: z.string().optional(),
    permitId: z.string().optional(),
    consentVersionId: z.string().optional(),
    requestedAction: z.string().optional(),
    entries: z.int().nonnegative().optional(),
    matches: z.int().nonnegative().optional(),
  }),
  ledger: z.strictObject({ producer: z.string(), seq: z.int().positive() }),
  receipt: z.string().describe('the path of its receipt'),
})

const AccessPage = z.strictObject({
  patientId: ServerId,
  total: z.int().nonnegative(),
  accesses: z.array(Access),
  next: z.string().optional().describe('the path of the next page'),
})

// A name is there where it was asked for, and null once it was erased.
const name = z.string().nullable().optional()
const pageOf = (item: z.ZodType) => json(z.strictObject({ items: z.array(item), next: z.string().optional() }))
const Member = z.strictObject({ memberId: ServerId, kind: MemberKind, organizationId: ServerId.optional(), name })
const Account = z.strictObject({
  accountId: ServerId,
  role: Role,
  memberId: ServerId.optional(),
  practitionerId: ServerId.optional(),
  patientId: ServerId.optional(),
  closed: z.boolean(),
  name,
})
const Client = z.strictObject({ clientId: z.string(), accountId: ServerId, role: Role, closed: z.boolean(), name })
const NewAccount = json(z.strictObject({ accountId: ServerId }))

const Token = z.looseObject({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int().positive(),
  scope: z.string().optional(),
})
const Keys = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) })
const ServerMetadata = json(z.looseObject({ issuer: z.string(), token_endpoint: z.string(), jwks_uri: z.string() }))
const SmartConfiguration = z.looseObject({ token_endpoint: z.string(), capabilities: z.array(z.string()) })

const IDENTITY: Record<string, HttpAnswer> = {
  'POST /auth/members': json(z.strictObject({ memberId: ServerId })),
  'GET /auth/members': pageOf(Member),
  'POST /auth/practitioners': NewAccount,
  'GET /auth/practitioners': pageOf(Account),
  'POST /auth/patients': NewAccount,
  'GET /auth/patients': pageOf(Account),
  'POST /auth/staff': NewAccount,
  'GET /auth/staff': pageOf(Account),
  'POST /auth/clients': json(z.strictObject({ clientId: z.string(), accountId: ServerId })),
  'GET /auth/clients': pageOf(Client),
  'POST /auth/token': json(Token),
  'GET /auth/jwks': { contentType: 'application/jwk-set+json', schema: Keys },
  'GET /auth/.well-known/openid-configuration': ServerMetadata,
  'GET /auth/.well-known/oauth-authorization-server': ServerMetadata,
}

const CONSENT: Record<string, HttpAnswer> = {
  'POST /fhir/Consent': fhir(Consent),
  'GET /fhir/Consent': fhir(bundleOf(Consent)),
  'POST /fhir/Consent/_search': fhir(bundleOf(Consent)),
  'GET /fhir/Consent/{id}': fhir(Consent),
  'PUT /fhir/Consent/{id}': fhir(Consent),
  'GET /fhir/Consent/{id}/_history': fhir(bundleOf(Consent)),
  'GET /fhir/Consent/{id}/_history/{versionId}': fhir(Consent),
}

const AUDIT: Record<string, HttpAnswer> = {
  'GET /audit/patients/{patientId}/accesses': json(AccessPage),
  'GET /audit/patients/{patientId}/accesses/{eventId}/receipt': receipt,
  'GET /fhir/AuditEvent': fhir(bundleOf(AuditEvent)),
  'GET /fhir/AuditEvent/{id}': fhir(AuditEvent),
}

const RECORDS: Record<string, HttpAnswer> = {
  'GET /fhir/metadata': fhir(
    z.looseObject({ resourceType: z.literal('CapabilityStatement'), fhirVersion: z.string() }),
  ),
  'GET /fhir/.well-known/smart-configuration': json(SmartConfiguration),
  // What stands in the answer to a batch may be another bundle, which has no id.
  'POST /fhir': fhir(bundleOf(z.looseObject({ resourceType: z.string() }))),
  'GET /fhir/{type}': fhir(bundleOf(Resource)),
  'POST /fhir/{type}': fhir(Resource),
  'POST /fhir/{type}/_search': fhir(bundleOf(Resource)),
  'GET /fhir/{type}/{id}': fhir(Resource),
  'PUT /fhir/{type}/{id}': fhir(Resource),
  'GET /fhir/{type}/{id}/_history': fhir(bundleOf(Resource)),
  'GET /fhir/{type}/{id}/_history/{versionId}': fhir(Resource),
  'GET /fhir/{type}/{id}/_history/{versionId}/$receipt': receipt,
}

const LEDGER: Record<string, HttpAnswer> = {
  'POST /ledger/admin-entries': json(z.strictObject({ index: z.int().nonnegative(), height: z.int().nonnegative() })),
  'GET /ledger/checkpoint': plain,
  'GET /ledger/vkey': plain,
  'GET /ledger/proof/tlog': plain,
}

/** By `GET /fhir/Consent`. With `Prefer: return=minimal` a write of FHIR answers with no body. */
export const HTTP_ANSWERS: Readonly<Record<string, HttpAnswer>> = {
  ...IDENTITY,
  ...CONSENT,
  ...AUDIT,
  ...RECORDS,
  ...LEDGER,
}
