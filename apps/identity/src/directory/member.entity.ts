import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { EventData } from '@careseal/contracts'

/** Read model of member organisations; the name stays in the private part of `eventId`. */
@Entity('member')
export class MemberEntity {
  @PrimaryColumn('uuid', { name: 'member_id' })
  memberId: string

  @Column('text')
  kind: EventData<'MemberAdmitted'>['kind']

  @Column('uuid', { name: 'organization_id', nullable: true })
  organizationId: string | null

  @Column('uuid', { name: 'event_id' })
  eventId: string
}
