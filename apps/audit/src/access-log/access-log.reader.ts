// Shows a patient's access log to those who may see it. The look itself is an event, committed before the answer.
import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { Caller } from '@careseal/contracts'
import { EventStore, type NewEvent } from '@careseal/event-store'
import { EventTransactions } from '@careseal/nest-event-store'
import { AccessLogQuery, type AccessFilter, type Cursor, type LoggedAccess } from './access-log.query.js'

export type LogPage = { lines: LoggedAccess[]; total: number; next: Cursor | null }
export type PageRequest = AccessFilter & { after?: Cursor | undefined; limit: number }

@Injectable()
export class AccessLogReader {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
    private readonly log: AccessLogQuery,
  ) {}

  /** A page of the log, or null where the caller may not see this patient's. */
  async page(caller: Caller, patientId: string, asked: PageRequest): Promise<LogPage | null> {
    if (!maySee(caller, patientId)) return null
    return this.transactions.run(async ({ sql, manager }) => {
      if (caller.role !== 'patient' && !(await this.log.isKnown(manager, patientId))) return null
      const found = await this.log.find(manager, patientId, { ...asked, limit: asked.limit + 1 })
      const total = await this.log.count(manager, patientId, asked)
      const lines = found.slice(0, asked.limit)
      await this.store.append(sql, [lookEvent(caller, patientId, lines.length)])
      return { lines, total, next: found.length > asked.limit ? (lines.at(-1) ?? null) : null }
    })
  }

  /** One line by its event, or null: unknown, and not for this caller, look alike. */
  async line(caller: Caller, eventId: string): Promise<{ line: LoggedAccess; patientId: string } | null> {
    return this.transactions.run(async ({ sql, manager }) => {
      const patientId = await this.log.patientOf(manager, eventId)
      if (patientId === null || !maySee(caller, patientId)) return null
      const [line] = await this.log.find(manager, patientId, { eventId, limit: 1 })
      if (line === undefined) return null
      await this.store.append(sql, [lookEvent(caller, patientId, 1)])
      return { line, patientId }
    })
  }
}

/** The patient sees the own log, an auditor any; nobody else sees one, operators least of all. */
export function maySee({ role, patientId: own }: Caller, patientId: string): boolean {
  return role === 'auditor' || (role === 'patient' && own === patientId)
}

function lookEvent({ accountId: actorId, role, memberId }: Caller, patientId: string, entries: number): NewEvent {
  const data = { actorId, role, memberId, patientId, entries }
  return {
    streamId: `access-log-${randomUUID()}`,
    expectedVersion: 0,
    type: 'AccessLogRead',
    data,
    subjectId: patientId,
  }
}
