// Rules for one consent: who may grant, replace and revoke it, and when. Pure; the caller stores what `decide` returns.
import type { EventData, Role } from '@careseal/contracts'

type Granted = { type: 'ConsentGranted'; data: EventData<'ConsentGranted'> }
type Revoked = { type: 'ConsentRevoked'; data: EventData<'ConsentRevoked'> }
export type ConsentEvent = Granted | Revoked

/** `recordedByMember` is the member whose recorder wrote it down, absent when the patient granted it in person. */
export type Consent =
  { status: 'absent' } | { status: 'active' | 'revoked'; patientId: string; recordedByMember?: string }

/** What is enforced of a consent: nothing else that a FHIR Consent says has an effect. */
export type ConsentTerms = Pick<
  EventData<'ConsentGranted'>,
  'effect' | 'grantees' | 'purposes' | 'periodStart' | 'periodEnd'
>

/** Who gives the command. A recorder may write consents down for patients, by the deployment's configuration. */
export type Actor = { actorId: string; role: Role; memberId?: string; patientId?: string; isRecorder: boolean }

type Target = { actor: Actor; consentId: string; versionId: string; patientId: string }
export type ConsentCommand =
  | ({ type: 'GrantConsent'; terms: ConsentTerms } & Target)
  | ({ type: 'ReplaceConsent'; terms: ConsentTerms } & Target)
  | ({ type: 'RevokeConsent' } & Target)

export type Rejection =
  'already-granted' | 'unknown-consent' | 'not-active' | 'not-the-patient' | 'other-patient' | 'ends-before-it-starts'
export type Decision = { events: ConsentEvent[] } | { rejected: Rejection }

export const initialState: Consent = { status: 'absent' }

export function decide(command: ConsentCommand, consent: Consent): Decision {
  switch (command.type) {
    case 'GrantConsent':
      return consent.status === 'absent' ? grant(command) : { rejected: 'already-granted' }
    case 'ReplaceConsent':
      return change(command, consent) ?? grant(command)
    case 'RevokeConsent':
      return change(command, consent) ?? { events: [{ type: 'ConsentRevoked', data: named(command) }] }
  }
}

export function evolve(consent: Consent, event: ConsentEvent): Consent {
  switch (event.type) {
    case 'ConsentGranted':
      return granted(consent, event.data)
    case 'ConsentRevoked':
      return consent.status === 'active' ? { ...consent, status: 'revoked' } : consent
  }
}

// The member that first recorded a consent stays responsible for it, also when the patient replaces it.
function granted(consent: Consent, data: EventData<'ConsentGranted'>): Consent {
  if (consent.status !== 'absent') return { ...consent, status: 'active' }
  const byMember = data.role === 'patient' ? undefined : data.memberId
  return { status: 'active', patientId: data.patientId, ...(byMember ? { recordedByMember: byMember } : {}) }
}

function grant(command: Target & { terms: ConsentTerms }): Decision {
  const { actor, terms } = command
  if (!isPatient(actor, command.patientId) && !actor.isRecorder) return { rejected: 'not-the-patient' }
  if (isEmptyPeriod(terms)) return { rejected: 'ends-before-it-starts' }
  return { events: [{ type: 'ConsentGranted', data: { ...named(command), ...terms } }] }
}

/** Why an existing consent cannot be changed by this command, or null. Who may not know of it learns nothing more. */
function change(command: Target, consent: Consent): { rejected: Rejection } | null {
  if (consent.status === 'absent') return { rejected: 'unknown-consent' }
  if (!mayChange(command.actor, consent)) return { rejected: 'not-the-patient' }
  if (command.patientId !== consent.patientId) return { rejected: 'other-patient' }
  return consent.status === 'active' ? null : { rejected: 'not-active' }
}

function mayChange(actor: Actor, consent: Exclude<Consent, { status: 'absent' }>): boolean {
  if (isPatient(actor, consent.patientId)) return true
  return actor.isRecorder && actor.memberId !== undefined && actor.memberId === consent.recordedByMember
}

function isPatient(actor: Actor, patientId: string): boolean {
  return actor.role === 'patient' && actor.patientId === patientId
}

function isEmptyPeriod({ periodStart, periodEnd }: ConsentTerms): boolean {
  return periodStart !== undefined && periodEnd !== undefined && Date.parse(periodEnd) <= Date.parse(periodStart)
}

function named({ actor, consentId, versionId, patientId }: Target): Revoked['data'] {
  const { actorId, role, memberId } = actor
  return { actorId, role, ...(memberId ? { memberId } : {}), consentId, versionId, patientId }
}
