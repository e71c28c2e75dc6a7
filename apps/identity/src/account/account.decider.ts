/**
 * Rules for one account: opened once as what it is, closed once, never opened again. Pure.
 *
 * A client system's account begins with its registration, so that event counts here too.
 */
import type { EventData, Role } from '@careseal/contracts'
import type { Member } from '../member/member.decider.js'

export type Account = { status: 'absent' } | { status: 'open'; role: Role } | { status: 'closed'; role: Role }

export type AccountCommand =
  | ({ type: 'RegisterPractitioner'; member: Member['status'] } & EventData<'PractitionerRegistered'>)
  | ({ type: 'OpenPatientAccount' } & EventData<'PatientAccountOpened'>)
  | ({ type: 'OpenStaffAccount' } & EventData<'StaffAccountOpened'>)
  | { type: 'CloseAccount'; accountId: string; actorId: string }

export type AccountEvent =
  | { type: 'PractitionerRegistered'; data: EventData<'PractitionerRegistered'> }
  | { type: 'PatientAccountOpened'; data: EventData<'PatientAccountOpened'> }
  | { type: 'StaffAccountOpened'; data: EventData<'StaffAccountOpened'> }
  | { type: 'ClientRegistered'; data: EventData<'ClientRegistered'> }
  | { type: 'AccountClosed'; data: EventData<'AccountClosed'> }

export type AccountRejection =
  'account-exists' | 'unknown-member' | 'unknown-account' | 'account-closed' | 'own-account'
export type AccountDecision = { events: AccountEvent[] } | { rejected: AccountRejection }

export const initialState: Account = { status: 'absent' }

export function decide(command: AccountCommand, account: Account): AccountDecision {
  if (command.type === 'CloseAccount') return close(command, account)
  if (account.status !== 'absent') return { rejected: 'account-exists' }
  switch (command.type) {
    case 'RegisterPractitioner':
      return register(command)
    case 'OpenPatientAccount': {
      const { accountId, patientId } = command
      return { events: [{ type: 'PatientAccountOpened', data: { accountId, patientId } }] }
    }
    case 'OpenStaffAccount': {
      const { accountId, role } = command
      return { events: [{ type: 'StaffAccountOpened', data: { accountId, role } }] }
    }
  }
}

export function evolve(account: Account, event: AccountEvent): Account {
  switch (event.type) {
    case 'PractitionerRegistered':
      return { status: 'open', role: 'practitioner' }
    case 'PatientAccountOpened':
      return { status: 'open', role: 'patient' }
    case 'StaffAccountOpened':
    case 'ClientRegistered':
      return { status: 'open', role: event.data.role }
    case 'AccountClosed':
      return account.status === 'open' ? { status: 'closed', role: account.role } : account
  }
}

type Command<T extends AccountCommand['type']> = Extract<AccountCommand, { type: T }>

function register({ type: _type, member, ...data }: Command<'RegisterPractitioner'>): AccountDecision {
  if (member !== 'admitted') return { rejected: 'unknown-member' }
  return { events: [{ type: 'PractitionerRegistered', data }] }
}

function close({ accountId, actorId }: Command<'CloseAccount'>, account: Account): AccountDecision {
  if (account.status === 'absent') return { rejected: 'unknown-account' }
  if (account.status === 'closed') return { rejected: 'account-closed' }
  // An operator who closes the account in use would lock everybody out if it were the last one.
  if (actorId === accountId) return { rejected: 'own-account' }
  return { events: [{ type: 'AccountClosed', data: { accountId } }] }
}
