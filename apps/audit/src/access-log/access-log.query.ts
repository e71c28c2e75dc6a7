// Reads the access log of one patient. Who may see it is decided before; see access-log.reader.ts.
import { Injectable } from '@nestjs/common'
import type { EntityManager, SelectQueryBuilder } from 'typeorm'
import { KnownAccount, KnownMember } from '../accounts/known-account.entity.js'
import { AccessDetail, AccessLogEntry, SubjectNumber } from './access-log.entity.js'

export type AccessFilter = {
  /** Inclusive. */
  since?: Date | undefined
  /** Exclusive. */
  until?: Date | undefined
  actorId?: string | undefined
  outcome?: 'success' | 'denied' | undefined
  eventId?: string | undefined
}

/** A place in the log, which is read from the newest line to the oldest. */
export type Cursor = { occurredAt: Date; entryId: string }

/** A line with what stands behind its ids. */
export type LoggedAccess = AccessLogEntry &
  Omit<AccessDetail, 'entryId'> & { practitionerId: string | null; organizationId: string | null }

type Selected = AccessLogEntry & { detail: AccessDetail; account: KnownAccount | null; member: KnownMember | null }

@Injectable()
export class AccessLogQuery {
  /** At most `limit` lines after the cursor, newest first. */
  async find(
    manager: EntityManager,
    patientId: string,
    filter: AccessFilter & { after?: Cursor | undefined; limit: number },
  ): Promise<LoggedAccess[]> {
    const query = restrict(linesOf(manager, patientId), filter)
    if (filter.after !== undefined) {
      query.andWhere('(l.occurred_at, l.entry_id) < (:at::timestamptz, :entry::uuid)', {
        at: filter.after.occurredAt,
        entry: filter.after.entryId,
      })
    }
    const found = await query
      .orderBy('l.occurredAt', 'DESC')
      .addOrderBy('l.entryId', 'DESC')
      .limit(filter.limit)
      .getMany()
    return (found as Selected[]).map(joined)
  }

  async count(manager: EntityManager, patientId: string, filter: AccessFilter): Promise<number> {
    return restrict(linesOf(manager, patientId), filter).getCount()
  }

  /** Whether the log has ever had a line of this patient, and still can tell. */
  async isKnown(manager: EntityManager, patientId: string): Promise<boolean> {
    return manager.existsBy(SubjectNumber, { patientId })
  }

  /** Whose line an event made, or null: unknown, or its link is destroyed. */
  async patientOf(manager: EntityManager, eventId: string): Promise<string | null> {
    const found = await manager
      .createQueryBuilder(SubjectNumber, 's')
      .innerJoin(AccessLogEntry, 'l', 'l.number = s.number')
      .innerJoin(AccessDetail, 'd', 'd.entry_id = l.entry_id')
      .where('d.event_id = :eventId', { eventId })
      .getOne()
    return found?.patientId ?? null
  }
}

function linesOf(manager: EntityManager, patientId: string): SelectQueryBuilder<AccessLogEntry> {
  return manager
    .createQueryBuilder(AccessLogEntry, 'l')
    .innerJoin(SubjectNumber, 's', 's.number = l.number AND s.patient_id = :patientId', { patientId })
    .innerJoinAndMapOne('l.detail', AccessDetail, 'd', 'd.entry_id = l.entry_id')
    .leftJoinAndMapOne('l.account', KnownAccount, 'a', 'a.account_id = l.actor_id')
    .leftJoinAndMapOne('l.member', KnownMember, 'm', 'm.member_id = l.member_id')
}

function restrict(query: SelectQueryBuilder<AccessLogEntry>, filter: AccessFilter): SelectQueryBuilder<AccessLogEntry> {
  if (filter.since) query.andWhere('l.occurred_at >= :since', { since: filter.since })
  if (filter.until) query.andWhere('l.occurred_at < :until', { until: filter.until })
  if (filter.actorId) query.andWhere('l.actor_id = :actorId', { actorId: filter.actorId })
  if (filter.outcome) query.andWhere('l.outcome = :outcome', { outcome: filter.outcome })
  if (filter.eventId) query.andWhere('d.event_id = :eventId', { eventId: filter.eventId })
  return query
}

function joined({ detail, account, member, ...entry }: Selected): LoggedAccess {
  return {
    ...entry,
    ...detail,
    practitionerId: account?.practitionerId ?? null,
    organizationId: member?.organizationId ?? null,
  }
}
