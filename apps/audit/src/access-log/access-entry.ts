// What of an event a patient sees in the access log. Pure; an event that concerns no patient gives nothing.
import type { EventBody, EventData, EventType } from '@careseal/contracts'

/** C create, R read, U update, D delete, E execute: the codes of FHIR AuditEvent.action. */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E'

/** What happened, to the REST interaction of BALP. */
export type Interaction =
  'create' | 'read' | 'vread' | 'update' | 'delete' | 'history-instance' | 'search-type' | 'decision'

/** A resource, or one version of it: `Observation/<id>` or `Observation/<id>/_history/<versionId>`. */
export type ResourceReference = string

/** One line of the access log. `references` and the event's place are destroyed with the patient's number. */
export type AccessEntry = {
  patientId: string
  eventId: string
  occurredAt: string
  eventType: EventType
  actorId: string
  role: string
  memberId: string | null
  purpose: string | null
  action: AuditAction
  interaction: Interaction
  outcome: 'success' | 'denied'
  types: string[]
  references: ResourceReference[]
  facts: AccessFacts
}

/** Codes and ids that explain the entry: why a decision was taken, and with which permit something was read. */
export type AccessFacts = {
  basis?: string
  reason?: string
  permitId?: string
  consentVersionId?: string
  requestedAction?: string
  entries?: number
  matches?: number
}

type Shown = Pick<AccessEntry, 'action' | 'interaction' | 'types' | 'references'> &
  Partial<Pick<AccessEntry, 'purpose' | 'outcome' | 'facts'>>

type Rules = { [T in EventType]?: (data: EventData<T>) => Shown }

const rules: Rules = {
  AccessPermitted: (data) => ({
    ...decision(data),
    facts: defined({
      basis: data.basis,
      permitId: data.permitId,
      consentVersionId: data.consentVersionId,
      requestedAction: data.action,
    }),
  }),
  AccessDenied: (data) => ({
    ...decision(data),
    outcome: 'denied',
    facts: { reason: data.reason, requestedAction: data.action },
  }),
  RecordVersionAdded: (data) => ({
    action: data.interaction === 'create' ? 'C' : 'U',
    interaction: data.interaction,
    ...about([data]),
    facts: defined({ permitId: data.permitId }),
  }),
  RecordDeleted: (data) => ({
    action: 'D',
    interaction: 'delete',
    ...about([data]),
    facts: defined({ permitId: data.permitId }),
  }),
  RecordRead: (data) => ({
    action: data.interaction === 'search' ? 'E' : 'R',
    interaction: readInteraction[data.interaction],
    ...about(data.versions),
    purpose: data.purpose,
    facts: defined({ permitId: data.permitId }),
  }),
  SearchPerformed: (data) => ({
    action: 'E',
    interaction: 'search-type',
    types: [data.type],
    references: [],
    purpose: data.purpose,
    facts: { matches: data.matches },
  }),
  ConsentGranted: (data) => ({ action: 'C', interaction: 'create', ...consent(data) }),
  ConsentRevoked: (data) => ({ action: 'U', interaction: 'update', ...consent(data) }),
  ConsentRead: (data) => ({
    action: 'R',
    interaction: 'read',
    types: ['Consent'],
    references: data.consents.map((id) => `Consent/${id}`),
  }),
  AccessLogRead: (data) => ({
    action: 'E',
    interaction: 'search-type',
    types: ['AuditEvent'],
    references: [],
    facts: { entries: data.entries },
  }),
}

const readInteraction = {
  read: 'read',
  vread: 'vread',
  history: 'history-instance',
  search: 'search-type',
  receipt: 'vread',
} as const

/** The event types that the access log shows. */
export const LOGGED_TYPES = Object.keys(rules) as EventType[]

/** The log's line for an event, or null: another kind of event, or one that is about no patient. */
export function entryOf(event: EventBody): AccessEntry | null {
  const rule = rules[event.type] as ((data: EventData) => Shown) | undefined
  const data = event.data as { patientId?: string; actorId?: string; role?: string; memberId?: string }
  if (rule === undefined || data.patientId === undefined || data.actorId === undefined) return null
  const shown = rule(event.data)
  return {
    // An event may hold either spelling of a UUID; the patient's key and the log know the patient by this one.
    patientId: data.patientId.toLowerCase(),
    eventId: event.id,
    occurredAt: event.time,
    eventType: event.type,
    actorId: data.actorId,
    role: data.role ?? '',
    memberId: data.memberId ?? null,
    purpose: null,
    outcome: 'success',
    facts: {},
    ...shown,
  }
}

function decision(data: EventData<'AccessPermitted'> | EventData<'AccessDenied'>): Shown {
  return { action: 'E', interaction: 'decision', types: data.types, references: [], purpose: data.purpose }
}

function about(versions: readonly { type: string; id: string; versionId: string }[]) {
  return {
    types: [...new Set(versions.map(({ type }) => type))].toSorted(),
    references: versions.map(({ type, id, versionId }) => `${type}/${id}/_history/${versionId}`),
  }
}

function consent({ consentId, versionId }: { consentId: string; versionId: string }) {
  return { types: ['Consent'], references: [`Consent/${consentId}/_history/${versionId}`] }
}

function defined<T extends object>(facts: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as never
}
