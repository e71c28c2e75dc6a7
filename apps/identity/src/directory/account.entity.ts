import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm'
import type { Role } from '@careseal/contracts'
import { MemberEntity } from './member.entity.js'

/** Read model of accounts of people and systems. `eventId` opened it; `closedAt` ends every token. */
@Entity('account')
export class AccountEntity {
  @PrimaryColumn('uuid', { name: 'account_id' })
  accountId: string

  @Column('text')
  role: Role

  @Column('uuid', { name: 'member_id', nullable: true })
  memberId: string | null

  @ManyToOne(() => MemberEntity, { nullable: true })
  @JoinColumn({ name: 'member_id' })
  member?: MemberEntity | null

  @Column('uuid', { name: 'practitioner_id', nullable: true })
  practitionerId: string | null

  @Column('uuid', { name: 'patient_id', nullable: true })
  patientId: string | null

  /** The stream that holds the account's events: `account-<id>`, for a system the stream of its client. */
  @Column('text', { name: 'stream_id' })
  streamId: string

  /** Whose key the account's events are kept under; null is the deployment. */
  @Column('text', { name: 'subject_id', nullable: true })
  subjectId: string | null

  @Column('uuid', { name: 'event_id' })
  eventId: string

  @Column('timestamptz', { name: 'closed_at', nullable: true })
  closedAt: Date | null
}
