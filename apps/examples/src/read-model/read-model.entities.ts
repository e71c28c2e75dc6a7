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

  /** Null once it is revoked. The row stays, so that no older event brings the consent back. */
  @Column('text', { nullable: true })
  effect!: 'permit' | 'deny' | null

  /** Of the event that said so: the number of its producer's incarnation, and its place in that one's chain. */
  @Column('integer')
  incarnation!: number

  @Column('integer')
  seq!: number
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
