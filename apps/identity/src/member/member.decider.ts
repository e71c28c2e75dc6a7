/** Rules for one member organisation: admitted once. Pure. */
import type { EventData } from '@careseal/contracts'

export type Member =
  { status: 'absent' } | { status: 'admitted'; kind: EventData<'MemberAdmitted'>['kind']; organizationId?: string }

export type MemberCommand = { type: 'AdmitMember' } & EventData<'MemberAdmitted'>
export type MemberEvent = { type: 'MemberAdmitted'; data: EventData<'MemberAdmitted'> }
export type MemberRejection = 'member-exists'

export const initialState: Member = { status: 'absent' }

export function decide(
  command: MemberCommand,
  member: Member,
): { events: MemberEvent[] } | { rejected: MemberRejection } {
  if (member.status !== 'absent') return { rejected: 'member-exists' }
  const { type: _type, ...data } = command
  return { events: [{ type: 'MemberAdmitted', data }] }
}

export function evolve(_member: Member, event: MemberEvent): Member {
  const { kind, organizationId } = event.data
  return { status: 'admitted', kind, ...(organizationId === undefined ? {} : { organizationId }) }
}
