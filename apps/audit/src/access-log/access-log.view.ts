// The access log as JSON, for patients, auditors and the portal.
import type { LoggedAccess } from './access-log.query.js'

/** One access as it is shown. `receipt` is where its proof is. */
export type AccessView = {
  eventId: string
  time: string
  event: string
  action: string
  interaction: string
  outcome: 'success' | 'denied'
  actor: { accountId: string; role: string; memberId?: string; practitionerId?: string; organizationId?: string }
  purpose?: string
  types: string[]
  resources: string[]
  facts: LoggedAccess['facts']
  ledger: { producer: string; seq: number }
  receipt: string
}

export function accessView(line: LoggedAccess, patientId: string): AccessView {
  return {
    eventId: line.eventId,
    time: line.occurredAt.toISOString(),
    event: line.eventType,
    action: line.action,
    interaction: line.interaction,
    outcome: line.outcome,
    actor: actorView(line),
    ...(line.purpose === null ? {} : { purpose: line.purpose }),
    types: line.types,
    resources: line.references,
    facts: line.facts,
    ledger: { producer: line.producer, seq: Number(line.seq) },
    receipt: `/audit/patients/${patientId}/accesses/${line.eventId}/receipt`,
  }
}

function actorView({ actorId, role, memberId, practitionerId, organizationId }: LoggedAccess): AccessView['actor'] {
  return {
    accountId: actorId,
    role,
    ...(memberId === null ? {} : { memberId }),
    ...(practitionerId === null ? {} : { practitionerId }),
    ...(organizationId === null ? {} : { organizationId }),
  }
}
