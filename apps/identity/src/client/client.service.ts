import { EventStore, type NewEvent, type Tx } from '@careseal/event-store'
import { Injectable } from '@nestjs/common'
import { AccountService } from '../account/account.service.js'
import type { Made } from '../commands/idempotent-commands.service.js'
import { accepted, problemOfRejection } from '../commands/rejections.js'
import { AccountEntity } from '../directory/account.entity.js'
import { ClientEntity } from '../directory/client.entity.js'
import { accountOpened, clientRegistered } from '../directory/directory.projection.js'
import { MemberService } from '../member/member.service.js'
import { decide, evolve, initialState, type ClientCommand, type ClientEvent } from './client.decider.js'
import { randomUUID } from 'node:crypto'
import type { BootstrapClient } from './bootstrap-clients.js'
import type { PublicKey } from './public-key.js'

export type NewClient = { clientId: string; name: string; jwk: PublicKey }
export type NewSystem = NewClient & { accountId: string; memberId?: string | undefined }

@Injectable()
export class ClientService {
  constructor(
    private readonly store: EventStore,
    private readonly members: MemberService,
    private readonly accounts: AccountService,
  ) {}

  /** Registers a client of the deployer, with a staff account if it needs one, unless it is known. */
  async registerBootstrap(tx: Tx, client: BootstrapClient): Promise<void> {
    const { role, clientId, name, jwk, accountId = randomUUID() } = client
    if (await tx.manager.existsBy(ClientEntity, { clientId })) return
    const login = { clientId, name, jwk, accountId }
    if (role === 'system') return void (await this.registerSystem(tx, login))
    const isStaff = role === 'operator' || role === 'auditor'
    if (isStaff && !(await tx.manager.existsBy(AccountEntity, { accountId }))) {
      await this.accounts.openStaffAccount(tx, { accountId, role, name })
    }
    await this.registerLogin(tx, login)
  }

  /** Registers a client system, whose account begins with it. Its events are kept under its member's key. */
  async registerSystem(tx: Tx, system: NewSystem): Promise<Made> {
    const { accountId, memberId } = system
    const links = memberId ? { memberId, member: (await this.members.load(tx.sql, memberId)).status } : {}
    const command = { type: 'RegisterSystem', clientAccountId: accountId, ...links } as const
    const subjectId = memberId ?? null
    const appended = await this.append(tx, command, system, subjectId)
    const account = { accountId, role: 'system', memberId: memberId ?? null, subjectId } as const
    await accountOpened(tx, { ...account, streamId: clientStream(system.clientId) }, appended)
    await clientRegistered(tx, rowOf(system, accountId), appended)
    return { location: `/auth/clients/${system.clientId}`, subjectId }
  }

  /** Registers a login of a person: a client that acts as an open account, kept under that account's subject. */
  async registerLogin(tx: Tx, login: NewClient & { accountId: string }): Promise<Made> {
    const { accountId } = login
    const row = await tx.manager.findOneBy(AccountEntity, { accountId })
    if (!row) throw problemOfRejection('unknown-account')
    const { account } = await this.accounts.load(tx.sql, row.streamId)
    const command = { type: 'RegisterLogin', clientAccountId: accountId, account } as const
    const appended = await this.append(tx, command, login, row.subjectId)
    await clientRegistered(tx, rowOf(login, accountId), appended)
    return { location: `/auth/clients/${login.clientId}`, subjectId: row.subjectId }
  }

  private async append(tx: Tx, command: ClientCommand, client: NewClient, subjectId: string | null) {
    const streamId = clientStream(client.clientId)
    const past = await this.store.load(tx.sql, streamId)
    const state = past.map(({ event }) => event as ClientEvent).reduce(evolve, initialState)
    const [event] = accepted(decide(command, state))
    const { clientId, name, jwk } = client
    const stored = { streamId, expectedVersion: 0, subjectId, private: { clientId, name, jwk } as NewEvent['private'] }
    const [appended] = await this.store.append(tx.sql, [{ ...event!, ...stored } as NewEvent])
    return appended!
  }
}

function rowOf({ clientId, jwk }: NewClient, accountId: string) {
  return { clientId, accountId, jwk }
}

function clientStream(clientId: string): string {
  return `client-${clientId}`
}
