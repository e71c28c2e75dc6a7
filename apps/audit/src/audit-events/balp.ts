// The access log as FHIR AuditEvents by IHE BALP 1.1 (Basic Audit Log Patterns). A profile is claimed only where all
// that it demands is known; what we do not keep (network addresses, search parameters) is said to be unknown.
import type { Json, JsonObject } from '@careseal/fhir'
import type { LoggedAccess } from '../access-log/access-log.query.js'

/** Where this server is, as users see it, and who issues its tokens. */
export type BalpContext = { fhirBase: string; issuer: string }

const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem'
const DCM = 'http://dicom.nema.org/resources/ontology/DCM'
const BALP = 'https://profiles.ihe.net/ITI/BALP'
const PARTICIPATION = `${TERMINOLOGY}/v3-ParticipationType`

/** The AuditEvent of one line; its id is the event's. */
export function auditEventOf(line: LoggedAccess, patientId: string, context: BalpContext): JsonObject {
  const shape = line.interaction === 'decision' ? decisionShape(line) : restShape(line, context)
  const profile =
    shape.profile === null ? {} : { profile: [`${BALP}/StructureDefinition/IHE.BasicAudit.${shape.profile}`] }
  return {
    resourceType: 'AuditEvent',
    id: line.eventId,
    meta: { versionId: line.eventId, lastUpdated: line.occurredAt.toISOString(), ...profile },
    type: shape.type,
    subtype: [shape.subtype],
    action: line.action,
    recorded: line.occurredAt.toISOString(),
    outcome: line.outcome === 'success' ? '0' : '8',
    ...(line.facts.reason === undefined ? {} : { outcomeDesc: line.facts.reason }),
    ...(line.purpose === null ? {} : { purposeOfEvent: [purposeConcept(line.purpose)] }),
    agent: [...shape.agents, userAgent(line, context, shape.userRole)],
    source: { site: line.producer, observer: { display: `careseal ${line.producer}` }, type: [shape.sourceType] },
    entity: [patientEntity(patientId), ...shape.entities],
  }
}

type Shape = {
  profile: string | null
  type: JsonObject
  subtype: JsonObject
  sourceType: JsonObject
  agents: JsonObject[]
  userRole: 'IRCP' | 'AUT'
  entities: JsonObject[]
}

const REST_PROFILES: Record<string, string> = {
  create: 'PatientCreate',
  read: 'PatientRead',
  vread: 'PatientRead',
  update: 'PatientUpdate',
  delete: 'PatientDelete',
  'search-type': 'PatientQuery',
}

function restShape(line: LoggedAccess, context: BalpContext): Shape {
  const isQuery = line.interaction === 'search-type'
  // The profiles of create, read, update and delete want exactly one resource; what names more claims none of them.
  const isComplete = isQuery || line.references.length === 1
  return {
    profile: isComplete ? (REST_PROFILES[line.interaction] ?? null) : null,
    type: coding(`${TERMINOLOGY}/audit-event-type`, 'rest'),
    subtype: coding('http://hl7.org/fhir/restful-interaction', line.interaction),
    sourceType: coding(`${TERMINOLOGY}/security-source-type`, '4'),
    agents: restAgents(line, context),
    userRole: ['create', 'update', 'delete'].includes(line.interaction) ? 'AUT' : 'IRCP',
    entities: isQuery ? [queryEntity(line), ...line.references.map(resourceEntity)] : line.references.map(dataEntity),
  }
}

function decisionShape(line: LoggedAccess): Shape {
  const { consentVersionId } = line.facts
  const hasOrganization = line.organizationId !== null || line.memberId !== null
  const byConsent = consentVersionId !== undefined
  return {
    profile: byConsent && hasOrganization ? 'AuthZconsent' : null,
    type: coding(DCM, '110113'),
    subtype: coding(`${BALP}/CodeSystem/AuthZsubType`, byConsent ? 'AuthZ-Consent' : 'AuthZ-Role'),
    sourceType: coding(`${TERMINOLOGY}/security-source-type`, '6'),
    agents: [
      agent(coding(`${TERMINOLOGY}/extra-security-role-type`, 'authserver'), { display: `careseal ${line.producer}` }),
      { ...agent(coding(DCM, '110150'), { display: 'client application' }), network: UNKNOWN },
      ...(hasOrganization ? [agent(coding(`${TERMINOLOGY}/v3-RoleClass`, 'PROV'), organizationOf(line))] : []),
    ],
    userRole: 'IRCP',
    entities: byConsent ? [consentEntity(consentVersionId)] : [],
  }
}

/** Data flows from the source to the destination: a read swaps the roles of client and server. */
function restAgents({ interaction, producer }: LoggedAccess, { fhirBase }: BalpContext): JsonObject[] {
  const isRead = ['read', 'vread', 'history-instance'].includes(interaction)
  const [source, destination] = [coding(DCM, '110153'), coding(DCM, '110152')]
  const rest = isRead ? { client: destination, server: source } : { client: source, server: destination }
  const custodian = coding(`${TERMINOLOGY}/provenance-participant-type`, 'custodian')
  const { client, server } = interaction === 'delete' ? { client: coding(DCM, '110150'), server: custodian } : rest
  return [
    { ...agent(client, { display: 'client application' }), network: UNKNOWN },
    { ...agent(server, { display: `careseal ${producer}` }), network: { address: fhirBase, type: '5' } },
  ]
}

// Network addresses of callers are personal data, and no event holds them.
const UNKNOWN: JsonObject = {
  extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
}

function agent(type: JsonObject, who: JsonObject): JsonObject {
  return { type: { coding: [type] }, who, requestor: false }
}

function userAgent(line: LoggedAccess, { issuer }: BalpContext, participation: 'IRCP' | 'AUT'): JsonObject {
  const account = { identifier: { system: issuer, value: line.actorId } }
  const who = line.practitionerId === null ? account : { reference: `Practitioner/${line.practitionerId}`, ...account }
  return {
    type: { coding: [coding(PARTICIPATION, participation)] },
    role: [{ coding: [coding('urn:careseal:role', line.role)] }],
    who,
    requestor: true,
    ...(line.purpose === null ? {} : { purposeOfUse: [purposeConcept(line.purpose)] }),
  }
}

function organizationOf({ organizationId, memberId }: LoggedAccess): JsonObject {
  if (organizationId !== null) return { reference: `Organization/${organizationId}` }
  return { identifier: { system: 'urn:careseal:member', value: memberId } }
}

function patientEntity(patientId: string): JsonObject {
  return {
    what: { reference: `Patient/${patientId}` },
    type: coding(`${TERMINOLOGY}/audit-entity-type`, '1'),
    role: coding(`${TERMINOLOGY}/object-role`, '1'),
  }
}

function dataEntity(reference: string): JsonObject {
  return {
    what: { reference },
    type: coding(`${TERMINOLOGY}/audit-entity-type`, '2'),
    role: coding(`${TERMINOLOGY}/object-role`, '4'),
  }
}

/** A resource that a search gave out; its type keeps it apart from the query's own slice. */
function resourceEntity(reference: string): JsonObject {
  const [type = ''] = reference.split('/')
  return { what: { reference }, type: coding('http://hl7.org/fhir/resource-types', type) }
}

function queryEntity({ types }: LoggedAccess): JsonObject {
  const query = types.map((type) => `GET ${type}`).join('\n')
  return {
    type: coding(`${TERMINOLOGY}/audit-entity-type`, '2'),
    role: coding(`${TERMINOLOGY}/object-role`, '24'),
    description: 'The parameters are not part of the log: they lie encrypted with the event.',
    query: Buffer.from(query).toString('base64'),
  }
}

function consentEntity(versionId: string): JsonObject {
  return {
    what: { identifier: { system: 'urn:ietf:rfc:3986', value: `urn:uuid:${versionId}` } },
    type: coding('http://hl7.org/fhir/resource-types', 'Consent'),
  }
}

function purposeConcept(code: string): JsonObject {
  return { coding: [coding(`${TERMINOLOGY}/v3-ActReason`, code)] }
}

function coding(system: string, code: string): { system: Json; code: Json } {
  return { system, code }
}
