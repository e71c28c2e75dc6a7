import type { EventData } from '@careseal/contracts'
import { EventStore, type Tx } from '@careseal/event-store'
import { Injectable } from '@nestjs/common'
import type { ClientBase } from 'pg'
import type { Made } from '../commands/idempotent-commands.service.js'
import { accepted } from '../commands/rejections.js'
import { memberAdmitted } from '../directory/directory.projection.js'
import { decide, evolve, initialState, type Member, type MemberEvent } from './member.decider.js'

@Injectable()
export class MemberService {
  constructor(private readonly store: EventStore) {}

  async load(sql: ClientBase, memberId: string): Promise<Member> {
    const events = await this.store.load(sql, streamOf(memberId))
    return events.map(({ event }) => event as MemberEvent).reduce(evolve, initialState)
  }

  /** Admits a member; its name is kept under the member's own key. */
  async admit(tx: Tx, member: EventData<'MemberAdmitted'> & { name: string }): Promise<Made> {
    const { name, ...data } = member
    const { memberId } = data
    const events = accepted(decide({ type: 'AdmitMember', ...data }, await this.load(tx.sql, memberId)))
    const stored = { streamId: streamOf(memberId), expectedVersion: 0, subjectId: memberId, private: { name } }
    const [appended] = await this.store.append(tx.sql, [{ ...events[0]!, ...stored }])
    await memberAdmitted(tx, data, appended!)
    return { location: `/auth/members/${memberId}`, subjectId: memberId }
  }
}

export function streamOf(memberId: string): string {
  return `member-${memberId}`
}
