// What decisions are taken from: ids, codes and periods of the consents in force or yet to come. No free text.
import type { PurposeOfUse } from '@careseal/contracts'
import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity('active_consent')
export class ActiveConsent {
  @PrimaryColumn('uuid', { name: 'consent_id' })
  consentId: string

  @Column('uuid', { name: 'version_id' })
  versionId: string

  @Column('uuid', { name: 'patient_id' })
  patientId: string

  @Column('text')
  effect: 'permit' | 'deny'

  /** `practitioner/<id>` or `organization/<id>`; empty means anyone. */
  @Column('text', { array: true })
  grantees: string[]

  /** Empty means any purpose. */
  @Column('text', { array: true })
  purposes: PurposeOfUse[]

  @Column('timestamptz', { name: 'period_start', nullable: true })
  periodStart: Date | null

  @Column('timestamptz', { name: 'period_end', nullable: true })
  periodEnd: Date | null

  /** The patient's consent head at this change: the higher, the newer. pg gives a bigint as text. */
  @Column('bigint')
  revision: string
}
