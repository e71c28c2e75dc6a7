// The read model and what it needs to be exact: how far it has come with each producer.
import { Column, Entity, Index, PrimaryColumn } from 'typeorm'

@Entity('standing_consent')
export class StandingConsent {
  @PrimaryColumn('text')
  consentId!: string

  @Index()
  @Column('text')
  patientId!: string

  @Column('text')
  versionId!: string

  @Column('text')
  effect!: 'permit' | 'deny'
}

/** Without it an event that comes twice would bring a revoked consent back. */
@Entity('reading_position')
export class ReadingPosition {
  @PrimaryColumn('text')
  producer!: string

  @Column('integer')
  seq!: number

  @Column('text')
  link!: string
}

export const ENTITIES = [StandingConsent, ReadingPosition]
