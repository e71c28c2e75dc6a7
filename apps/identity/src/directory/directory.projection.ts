// Keeps the read models in the very transaction that appends: whoever got 201 finds what was made, and a token asked
// for after a closing was acknowledged is refused.
import type { AppendedEvent, Tx } from '@careseal/event-store'
import type { EventData } from '@careseal/contracts'
import type { PublicKey } from '../client/public-key.js'
import { AccountEntity } from './account.entity.js'
import { ClientEntity } from './client.entity.js'
import { MemberEntity } from './member.entity.js'

type Opened = Pick<AccountEntity, 'accountId' | 'role' | 'streamId' | 'subjectId'> & Partial<AccountEntity>

export async function memberAdmitted(tx: Tx, data: EventData<'MemberAdmitted'>, event: AppendedEvent): Promise<void> {
  const { memberId, kind, organizationId = null } = data
  await tx.manager.insert(MemberEntity, { memberId, kind, organizationId, eventId: event.id })
}

export async function accountOpened(tx: Tx, account: Opened, event: AppendedEvent): Promise<void> {
  const links = { memberId: null, practitionerId: null, patientId: null, closedAt: null }
  await tx.manager.insert(AccountEntity, { ...links, ...account, eventId: event.id })
}

export async function accountClosed(tx: Tx, accountId: string, event: AppendedEvent): Promise<void> {
  await tx.manager.update(AccountEntity, { accountId }, { closedAt: new Date(event.time) })
}

export async function clientRegistered(
  tx: Tx,
  client: { clientId: string; accountId: string; jwk: PublicKey },
  event: AppendedEvent,
): Promise<void> {
  await tx.manager.insert(ClientEntity, { ...client, eventId: event.id })
}
