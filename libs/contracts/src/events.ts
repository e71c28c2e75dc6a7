// Every event of Careseal: the zod schemas here are the one source for types, validation, JSON Schema and AsyncAPI.
// A published schema is frozen; a change is a new schemaVersion with a pure upcaster.
import { z } from 'zod'
import { UnknownEventVersion, upcast, type EventVersions } from './event-versions.js'
import {
  AccessAction,
  Grantee,
  Instant,
  MemberKind,
  PurposeOfUse,
  ResourceType,
  Role,
  ServerId,
  VersionReference,
  type Producer,
} from './vocabulary.js'

const actor = {
  actorId: ServerId,
  role: Role,
  memberId: ServerId.optional(),
}

const access = {
  ...actor,
  patientId: ServerId,
  purpose: PurposeOfUse,
  action: AccessAction,
  types: z.array(ResourceType),
}

const schemas = {
  MemberAdmitted: z.strictObject({ memberId: ServerId, kind: MemberKind, organizationId: ServerId.optional() }),
  PractitionerRegistered: z.strictObject({
    accountId: ServerId,
    memberId: ServerId,
    practitionerId: ServerId.optional(),
  }),
  PatientAccountOpened: z.strictObject({ accountId: ServerId, patientId: ServerId }),
  StaffAccountOpened: z.strictObject({ accountId: ServerId, role: z.enum(['auditor', 'operator']) }),
  ClientRegistered: z.strictObject({ clientAccountId: ServerId, memberId: ServerId.optional(), role: Role }),
  AccountClosed: z.strictObject({ accountId: ServerId }),

  ConsentGranted: z.strictObject({
    ...actor,
    consentId: ServerId,
    versionId: ServerId,
    patientId: ServerId,
    effect: z.enum(['permit', 'deny']),
    grantees: z.array(Grantee),
    purposes: z.array(PurposeOfUse),
    periodStart: Instant.optional(),
    periodEnd: Instant.optional(),
  }),
  ConsentRevoked: z.strictObject({ ...actor, consentId: ServerId, versionId: ServerId, patientId: ServerId }),
  ConsentRead: z.strictObject({ ...actor, patientId: ServerId, consents: z.array(ServerId) }),
  AccessPermitted: z.strictObject({
    ...access,
    permitId: ServerId,
    basis: z.enum(['own-record', 'consent', 'default-policy', 'custodian']),
    consentVersionId: ServerId.optional(),
  }),
  AccessDenied: z.strictObject({
    ...access,
    decisionId: ServerId,
    reason: z.enum(['no-consent', 'consent-denies', 'purpose-not-allowed', 'role-not-allowed', 'default-policy']),
  }),

  RecordVersionAdded: z.strictObject({
    ...actor,
    type: ResourceType,
    id: ServerId,
    versionId: ServerId,
    patientId: ServerId.optional(),
    interaction: z.enum(['create', 'update']),
    permitId: ServerId.optional(),
  }),
  RecordDeleted: z.strictObject({
    ...actor,
    type: ResourceType,
    id: ServerId,
    versionId: ServerId,
    patientId: ServerId.optional(),
    permitId: ServerId.optional(),
  }),
  RecordRead: z.strictObject({
    ...actor,
    permitId: ServerId.optional(),
    patientId: ServerId.optional(),
    purpose: PurposeOfUse,
    interaction: z.enum(['read', 'vread', 'history', 'search', 'receipt']),
    versions: z.array(VersionReference),
  }),
  SearchPerformed: z.strictObject({
    ...actor,
    type: ResourceType,
    patientId: ServerId.optional(),
    purpose: PurposeOfUse,
    matches: z.int().nonnegative(),
  }),

  AccessLogRead: z.strictObject({ ...actor, patientId: ServerId, entries: z.int().nonnegative() }),
} as const

export type EventType = keyof typeof schemas
export type EventData<T extends EventType = EventType> = z.infer<(typeof schemas)[T]>

const producers: Record<EventType, { producer: Producer; aggregate: string }> = {
  MemberAdmitted: { producer: 'identity', aggregate: 'member' },
  PractitionerRegistered: { producer: 'identity', aggregate: 'account' },
  PatientAccountOpened: { producer: 'identity', aggregate: 'account' },
  StaffAccountOpened: { producer: 'identity', aggregate: 'account' },
  ClientRegistered: { producer: 'identity', aggregate: 'client' },
  AccountClosed: { producer: 'identity', aggregate: 'account' },
  ConsentGranted: { producer: 'consent', aggregate: 'consent' },
  ConsentRevoked: { producer: 'consent', aggregate: 'consent' },
  ConsentRead: { producer: 'consent', aggregate: 'consent' },
  AccessPermitted: { producer: 'consent', aggregate: 'access' },
  AccessDenied: { producer: 'consent', aggregate: 'access' },
  RecordVersionAdded: { producer: 'records', aggregate: 'record' },
  RecordDeleted: { producer: 'records', aggregate: 'record' },
  RecordRead: { producer: 'records', aggregate: 'record' },
  SearchPerformed: { producer: 'records', aggregate: 'search' },
  AccessLogRead: { producer: 'audit', aggregate: 'access-log' },
}

/** The zod schema of an event type's `data`, by type and schema version. */
export const EVENT_SCHEMAS: { [T in EventType]: { readonly 1: (typeof schemas)[T] } } = Object.fromEntries(
  Object.entries(schemas).map(([type, schema]) => [type, { 1: schema }]),
) as never

export const EVENT_TYPES = Object.keys(schemas) as EventType[]

// A type that changes gets its former schemas and the upcasters between them here; `schemas` above holds today's.
const history: Partial<Record<EventType, EventVersions>> = {}

/** All versions of each event type, with the steps from one to the next. */
export const EVENT_VERSIONS: Record<EventType, EventVersions> = Object.fromEntries(
  EVENT_TYPES.map((type) => [type, history[type] ?? { schemas: EVENT_SCHEMAS[type], upcasters: {} }]),
) as Record<EventType, EventVersions>

export function producerOf(type: EventType): Producer {
  return producers[type].producer
}

// Asked for with every event that is read.
const SUBJECT_ENDS: Record<string, string> = Object.fromEntries(
  EVENT_TYPES.map((type) => [type, `${producers[type].aggregate}.${kebab(type)}`]),
)

/** `ConsentGranted` → `evt.consent.consent.consent-granted`. Holds no id, so a subject betrays nobody. */
export function subjectOf(type: EventType, producer: string = producers[type].producer): string {
  return `evt.${producer}.${SUBJECT_ENDS[type]}`
}

/**
 * The public part of an event: the very bytes (as canonical JSON) that are stored, published and committed to.
 *
 * `content` is the hiding commitment to the private part, 64 hex digits; absent when there is none.
 */
export type EventBody<T extends EventType = EventType> = {
  id: string
  type: T
  schemaVersion: 1
  time: string
  content?: string
  data: EventData<T>
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })

const body = z.strictObject({
  id: ServerId,
  type: z.enum(EVENT_TYPES as [EventType, ...EventType[]]),
  schemaVersion: z.int().positive(),
  time: Instant,
  content: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  data: z.unknown(),
})

const named = z.looseObject({ id: ServerId, type: z.string().regex(/^[A-Z][A-Za-z]{1,63}$/), schemaVersion: z.int() })

/** The JSON of a published body. Throws for bytes that are no UTF-8 or no JSON. */
export function bodyJson(bytes: Uint8Array): unknown {
  return JSON.parse(UTF8.decode(bytes))
}

/** As `eventBodyOf`, of the bytes. */
export function parseEventBody(bytes: Uint8Array): EventBody {
  return eventBodyOf(bodyJson(bytes))
}

/**
 * Validates the JSON of a published body, and lifts it to the newest version of its type.
 *
 * Throws a ZodError that names the member at fault, or UnknownEventVersion for what a newer program wrote.
 */
export function eventBodyOf(json: unknown): EventBody {
  refuseUnknownType(json)
  const parsed = body.parse(json)
  return { ...parsed, ...upcast(EVENT_VERSIONS[parsed.type], parsed) } as EventBody
}

// What else such an event holds is not for us to judge: its envelope may have changed as well.
function refuseUnknownType(json: unknown): void {
  const { type } = (json ?? {}) as { type?: EventType }
  if (type !== undefined && Object.hasOwn(schemas, type)) return
  const newer = named.safeParse(json)
  if (newer.success) throw new UnknownEventVersion(newer.data.type, newer.data.schemaVersion)
}

function kebab(type: string): string {
  return type.replace(/(?<!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase()
}
