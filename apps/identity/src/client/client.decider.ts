/**
 * Rules for one client: registered once, either as a system with an account of its own that a member answers for, or
 * as a login that is bound to an open account. Pure.
 */
import type { EventData } from '@careseal/contracts'
import type { Account } from '../account/account.decider.js'
import type { Member } from '../member/member.decider.js'

export type Client = { status: 'absent' } | { status: 'registered' }

export type ClientCommand =
  | { type: 'RegisterSystem'; clientAccountId: string; memberId?: string; member?: Member['status'] }
  | { type: 'RegisterLogin'; clientAccountId: string; account: Account }

export type ClientEvent = { type: 'ClientRegistered'; data: EventData<'ClientRegistered'> }
export type ClientRejection =
  'client-exists' | 'unknown-member' | 'unknown-account' | 'account-closed' | 'system-account'
export type ClientDecision = { events: ClientEvent[] } | { rejected: ClientRejection }

export const initialState: Client = { status: 'absent' }

export function decide(command: ClientCommand, client: Client): ClientDecision {
  if (client.status !== 'absent') return { rejected: 'client-exists' }
  return command.type === 'RegisterSystem' ? registerSystem(command) : registerLogin(command)
}

export function evolve(_client: Client, _event: ClientEvent): Client {
  return { status: 'registered' }
}

function registerSystem(command: Extract<ClientCommand, { type: 'RegisterSystem' }>): ClientDecision {
  const { clientAccountId, memberId, member } = command
  if (memberId !== undefined && member !== 'admitted') return { rejected: 'unknown-member' }
  const data = { clientAccountId, role: 'system' as const, ...(memberId === undefined ? {} : { memberId }) }
  return { events: [{ type: 'ClientRegistered', data }] }
}

function registerLogin({
  clientAccountId,
  account,
}: Extract<ClientCommand, { type: 'RegisterLogin' }>): ClientDecision {
  if (account.status === 'absent') return { rejected: 'unknown-account' }
  if (account.status === 'closed') return { rejected: 'account-closed' }
  // A system's key is its account: another key for it would be another system.
  if (account.role === 'system') return { rejected: 'system-account' }
  return { events: [{ type: 'ClientRegistered', data: { clientAccountId, role: account.role } }] }
}
