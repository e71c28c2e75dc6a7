import { HttpProblem } from '@careseal/service-kit'
import type { AccountRejection } from '../account/account.decider.js'
import type { ClientRejection } from '../client/client.decider.js'
import type { MemberRejection } from '../member/member.decider.js'

export type Rejection = MemberRejection | AccountRejection | ClientRejection

const ANSWERS: Record<Rejection, readonly [status: number, detail: string]> = {
  'member-exists': [409, 'This member is admitted already.'],
  'account-exists': [409, 'This account is open already.'],
  'client-exists': [409, 'This client is registered already.'],
  'unknown-member': [422, 'There is no such member organisation.'],
  'unknown-account': [404, 'There is no such account.'],
  'account-closed': [409, 'This account is closed.'],
  'own-account': [409, 'Nobody closes the account in use; another operator can.'],
  'system-account': [409, 'A system has one key, its own; register another system.'],
}

/** The one place where a broken rule becomes an answer. */
export function problemOfRejection(rejected: Rejection): HttpProblem {
  const [status, detail] = ANSWERS[rejected]
  return new HttpProblem(status, rejected, detail)
}

/** The events of a decision; throws the rejection's problem, so that the transaction rolls back. */
export function accepted<E>(decision: { events: E[] } | { rejected: Rejection }): E[] {
  if ('rejected' in decision) throw problemOfRejection(decision.rejected)
  return decision.events
}
