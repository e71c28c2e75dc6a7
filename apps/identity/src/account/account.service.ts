import type { EventData } from '@careseal/contracts'
import { EventStore, type AppendedEvent, type Tx } from '@careseal/event-store'
import { Injectable } from '@nestjs/common'
import type { ClientBase } from 'pg'
import type { Made } from '../commands/idempotent-commands.service.js'
import { accepted, problemOfRejection } from '../commands/rejections.js'
import { AccountEntity } from '../directory/account.entity.js'
import { accountClosed, accountOpened } from '../directory/directory.projection.js'
import { MemberService } from '../member/member.service.js'
import {
  decide,
  evolve,
  initialState,
  type Account,
  type AccountCommand,
  type AccountEvent,
} from './account.decider.js'

type Named<T> = T & { name: string }
/** An account's subject: the patient for a patient's own account, else the account itself. */
type Place = { accountId: string; subjectId: string; name: string }

@Injectable()
export class AccountService {
  constructor(
    private readonly store: EventStore,
    private readonly members: MemberService,
  ) {}

  async load(sql: ClientBase, streamId: string): Promise<{ account: Account; version: number }> {
    const events = await this.store.load(sql, streamId)
    const account = events.map(({ event }) => event as AccountEvent).reduce(evolve, initialState)
    return { account, version: events.length }
  }

  async registerPractitioner(tx: Tx, { name, ...data }: Named<EventData<'PractitionerRegistered'>>): Promise<Made> {
    const { status: member } = await this.members.load(tx.sql, data.memberId)
    const place = { accountId: data.accountId, subjectId: data.accountId, name }
    const appended = await this.open(tx, { type: 'RegisterPractitioner', member, ...data }, place)
    const { memberId, practitionerId = null } = data
    return this.opened(tx, { role: 'practitioner', memberId, practitionerId, ...place }, appended)
  }

  async openPatientAccount(tx: Tx, { name, ...data }: Named<EventData<'PatientAccountOpened'>>): Promise<Made> {
    const place = { accountId: data.accountId, subjectId: data.patientId, name }
    const appended = await this.open(tx, { type: 'OpenPatientAccount', ...data }, place)
    return this.opened(tx, { role: 'patient', patientId: data.patientId, ...place }, appended)
  }

  async openStaffAccount(tx: Tx, { name, ...data }: Named<EventData<'StaffAccountOpened'>>): Promise<Made> {
    const place = { accountId: data.accountId, subjectId: data.accountId, name }
    const appended = await this.open(tx, { type: 'OpenStaffAccount', ...data }, place)
    return this.opened(tx, { role: data.role, ...place }, appended)
  }

  /** Closes an account of any role. From the commit on its clients get no token. */
  async close(tx: Tx, command: { accountId: string; actorId: string }): Promise<void> {
    const { accountId } = command
    const row = await tx.manager.findOneBy(AccountEntity, { accountId })
    if (!row) throw problemOfRejection('unknown-account')
    const { streamId, subjectId } = row
    const { account, version } = await this.load(tx.sql, streamId)
    const [event] = accepted(decide({ type: 'CloseAccount', ...command }, account))
    const [appended] = await this.store.append(tx.sql, [{ ...event!, streamId, subjectId, expectedVersion: version }])
    await accountClosed(tx, accountId, appended!)
  }

  private async open(tx: Tx, command: AccountCommand, { accountId, subjectId, name }: Place): Promise<AppendedEvent> {
    const streamId = accountStream(accountId)
    const { account } = await this.load(tx.sql, streamId)
    const [event] = accepted(decide(command, account))
    const stored = { streamId, expectedVersion: 0, subjectId, private: { name } }
    const [appended] = await this.store.append(tx.sql, [{ ...event!, ...stored }])
    return appended!
  }

  private async opened(
    tx: Tx,
    account: Place & Pick<AccountEntity, 'role'> & Partial<AccountEntity>,
    appended: AppendedEvent,
  ): Promise<Made> {
    const { name: _name, ...row } = account
    await accountOpened(tx, { ...row, streamId: accountStream(row.accountId) }, appended)
    return { location: `/auth/accounts/${row.accountId}`, subjectId: row.subjectId }
  }
}

export function accountStream(accountId: string): string {
  return `account-${accountId}`
}
