// What the directory shows. Names are opened only where they are asked for, one page at a time.
import { EventStore } from '@careseal/event-store'
import { EventTransactions } from '@careseal/nest-event-store'
import type { Role } from '@careseal/contracts'
import { Injectable } from '@nestjs/common'
import { In, MoreThan, type EntityManager } from 'typeorm'
import { AccountEntity } from './account.entity.js'
import { ClientEntity } from './client.entity.js'
import { MemberEntity } from './member.entity.js'

export type PageRequest = { limit: number; after?: string | undefined; names: boolean }
export type Page<V> = { items: V[]; next?: string }
type Named = { name?: string | null }

export type MemberView = Named & { memberId: string; kind: string; organizationId?: string }
export type AccountView = Named & {
  accountId: string
  role: Role
  memberId?: string
  practitionerId?: string
  patientId?: string
  closed: boolean
}
export type ClientView = Named & { clientId: string; accountId: string; role: Role; closed: boolean }

@Injectable()
export class DirectoryQuery {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
  ) {}

  members(page: PageRequest): Promise<Page<MemberView>> {
    return this.page(page, 'memberId', memberView, (manager, cursor, take) =>
      manager.find(MemberEntity, { where: cursor, order: { memberId: 'ASC' }, take }),
    )
  }

  accounts(roles: readonly Role[], page: PageRequest): Promise<Page<AccountView>> {
    return this.page(page, 'accountId', accountView, (manager, cursor, take) =>
      manager.find(AccountEntity, { where: { ...cursor, role: In([...roles]) }, order: { accountId: 'ASC' }, take }),
    )
  }

  clients(page: PageRequest): Promise<Page<ClientView>> {
    return this.page(page, 'clientId', clientView, (manager, cursor, take) =>
      manager.find(ClientEntity, { where: cursor, order: { clientId: 'ASC' }, take, relations: { account: true } }),
    )
  }

  // One row more than asked for tells whether there is another page.
  private async page<E extends { eventId: string }, V extends object>(
    { limit, after, names }: PageRequest,
    key: keyof E & keyof V & string,
    view: (entity: E) => V,
    find: (manager: EntityManager, cursor: object, take: number) => Promise<E[]>,
  ): Promise<Page<V & Named>> {
    return this.transactions.run(async ({ sql, manager }) => {
      const found = await find(manager, after === undefined ? {} : { [key]: MoreThan(after) }, limit + 1)
      const entities = found.slice(0, limit)
      const opened = names
        ? await this.store.openMany(
            sql,
            entities.map(({ eventId }) => eventId),
          )
        : undefined
      const items = entities.map((entity) => ({
        ...view(entity),
        ...(opened && { name: nameOf(opened.get(entity.eventId)) }),
      }))
      const last = entities.at(-1)
      return { items, ...(found.length > limit && last ? { next: String(last[key]) } : {}) }
    })
  }
}

/** Null when the name was erased. */
function nameOf(opened: { private: unknown } | { rejected: string } | undefined): string | null {
  const part = opened && 'private' in opened ? (opened.private as { name?: string } | null) : null
  return part?.name ?? null
}

function memberView({ memberId, kind, organizationId }: MemberEntity): MemberView {
  return { memberId, kind, ...present({ organizationId }) }
}

export function accountView(account: AccountEntity): AccountView {
  const { accountId, role, memberId, practitionerId, patientId, closedAt } = account
  return { accountId, role, ...present({ memberId, practitionerId, patientId }), closed: closedAt !== null }
}

function clientView({ clientId, accountId, account }: ClientEntity): ClientView {
  return { clientId, accountId, role: account!.role, closed: account!.closedAt !== null }
}

function present<T extends Record<string, string | null>>(members: T): { [K in keyof T]?: string } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null)) as never
}
