// What identity does when its database was rolled back: what was closed is closed again; what was opened is there, but for
// what only the lost database knew, names and clients' keys. An account of which an event is lost for good is closed too:
// after its opening nothing else is ever said of an account.
import type { EventBody, EventData, EventType, Role } from '@careseal/contracts'
import type { AppendedEvent, EventStore, RestoredEvent, Tx } from '@careseal/event-store'
import { subjectsOfLostLeaves, type Recovery, type RecoveryModel, type RecoveryTools } from '@careseal/nest-event-store'
import { In, IsNull } from 'typeorm'
import { accountStream } from '../account/account.service.js'
import { AccountEntity } from '../directory/account.entity.js'
import { accountClosed, accountOpened, memberAdmitted } from '../directory/directory.projection.js'
import { MemberEntity } from '../directory/member.entity.js'
import { streamOf } from '../member/member.service.js'

type Data<T extends EventType> = EventData<T>

export function identityRecovery({ keys, storeOf }: RecoveryTools): RecoveryModel {
  return {
    streamOf: streamOfEvent,
    follow: async (tx, recovery) => {
      for (const restored of recovery.restored) await bringBack(tx, restored)
      const hit = await subjectsWithLostEvents(tx, recovery, keys)
      const accounts = await tx.manager.findBy(AccountEntity, { subjectId: In(hit), closedAt: IsNull() })
      for (const account of accounts) await close(tx, storeOf(recovery.next), account)
      return { accountsClosed: accounts.length }
    },
  }
}

function streamOfEvent({ id, type, data }: EventBody): string {
  const { memberId, accountId } = data as { memberId?: string; accountId?: string }
  if (type === 'MemberAdmitted') return streamOf(memberId!)
  return type === 'ClientRegistered' || !accountId ? `recovered-${id}` : accountStream(accountId)
}

async function bringBack(tx: Tx, { event, streamId, streamVersion }: RestoredEvent): Promise<void> {
  const appended: AppendedEvent = { id: event.id, streamVersion, body: new Uint8Array(), time: event.time }
  if (event.type === 'MemberAdmitted') {
    await memberAdmitted(tx, event.data as Data<'MemberAdmitted'>, appended)
  } else if (event.type === 'AccountClosed') {
    await accountClosed(tx, (event.data as Data<'AccountClosed'>).accountId, appended)
  } else if (!isLogin(event)) {
    const account = await accountOf(tx, event)
    await accountOpened(tx, { ...account, streamId }, appended)
  }
}

// A person's login acts as an account that another event opened. Its id and key were in the private part: what is left of
// it is its event alone, and it is registered anew.
function isLogin({ type, data }: EventBody): boolean {
  return type === 'ClientRegistered' && (data as Data<'ClientRegistered'>).role !== 'system'
}

type Opened = { accountId: string; role: Role; subjectId: string | null } & Partial<AccountEntity>

// A system's account begins with its client, of which the id and key are gone: it is there, and can do nothing any more.
async function accountOf(tx: Tx, event: EventBody): Promise<Opened> {
  if (event.type === 'PatientAccountOpened') {
    const { accountId, patientId } = event.data as Data<'PatientAccountOpened'>
    return { accountId, patientId, role: 'patient', subjectId: patientId }
  }
  if (event.type === 'StaffAccountOpened') {
    const { accountId, role } = event.data as Data<'StaffAccountOpened'>
    return { accountId, role, subjectId: accountId }
  }
  if (event.type === 'PractitionerRegistered') {
    const { accountId, practitionerId = null, memberId } = event.data as Data<'PractitionerRegistered'>
    const role = 'practitioner' as const
    return { accountId, practitionerId, role, subjectId: accountId, memberId: await known(tx, memberId) }
  }
  const { clientAccountId: accountId, memberId } = event.data as Data<'ClientRegistered'>
  return { accountId, role: 'system', subjectId: memberId ?? null, memberId: await known(tx, memberId) }
}

// Its admission may be lost.
async function known({ manager }: Tx, memberId: string | undefined): Promise<string | null> {
  return memberId && (await manager.existsBy(MemberEntity, { memberId })) ? memberId : null
}

async function subjectsWithLostEvents(tx: Tx, { chains }: Recovery, keys: RecoveryTools['keys']): Promise<string[]> {
  const { rows } = await tx.sql.query<{ id: string }>(
    'SELECT DISTINCT subject_id AS id FROM account WHERE closed_at IS NULL AND subject_id IS NOT NULL ORDER BY 1',
  )
  return subjectsOfLostLeaves(tx.sql, keys, { chains, subjectIds: rows.map(({ id }) => id) })
}

async function close(tx: Tx, store: EventStore, { accountId, streamId, subjectId }: AccountEntity): Promise<void> {
  const event = { type: 'AccountClosed' as const, data: { accountId }, streamId, subjectId }
  const [appended] = await store.append(tx.sql, [event])
  await accountClosed(tx, accountId, appended!)
}
