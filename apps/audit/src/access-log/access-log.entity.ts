// The access log as tables. After an erasure AccessLogEntry stays, AccessDetail and SubjectNumber are gone.
import { Column, Entity, PrimaryColumn } from 'typeorm'
import type { AccessEntry, AccessFacts } from './access-entry.js'

@Entity('subject_number')
export class SubjectNumber {
  @PrimaryColumn('uuid', { name: 'patient_id' })
  patientId: string

  /** Random: says nothing about the patient once this row is destroyed. */
  @Column('uuid')
  number: string
}

@Entity('access_log')
export class AccessLogEntry {
  @PrimaryColumn('uuid', { name: 'entry_id' })
  entryId: string

  @Column('uuid')
  number: string

  @Column('timestamptz', { name: 'occurred_at' })
  occurredAt: Date

  @Column('text', { name: 'event_type' })
  eventType: AccessEntry['eventType']

  @Column('uuid', { name: 'actor_id' })
  actorId: string

  @Column('text')
  role: string

  @Column('uuid', { name: 'member_id', nullable: true })
  memberId: string | null

  @Column('text', { nullable: true })
  purpose: string | null

  @Column('text')
  action: AccessEntry['action']

  @Column('text')
  interaction: AccessEntry['interaction']

  @Column('text')
  outcome: AccessEntry['outcome']

  @Column('text', { array: true })
  types: string[]
}

@Entity('access_detail')
export class AccessDetail {
  @PrimaryColumn('uuid', { name: 'entry_id' })
  entryId: string

  @Column('uuid', { name: 'event_id' })
  eventId: string

  @Column('text')
  producer: string

  /** pg gives a bigint as text. */
  @Column('bigint')
  seq: string

  /** `Type/<id>` or `Type/<id>/_history/<versionId>`. */
  @Column('text', { array: true, name: 'resources' })
  references: string[]

  @Column('jsonb')
  facts: AccessFacts
}
