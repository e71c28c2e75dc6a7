// Every version of every consent, as FHIR, encrypted under the patient's key. Insert-only for the service.
import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity('consent_version')
export class ConsentVersion {
  @PrimaryColumn('uuid', { name: 'version_id' })
  versionId: string

  @Column('uuid', { name: 'consent_id' })
  consentId: string

  @Column('uuid', { name: 'patient_id' })
  patientId: string

  /** 1 for the first version: the event stream's version. */
  @Column('integer')
  ordinal: number

  @Column('text')
  status: string

  @Column('text', { nullable: true })
  effect: 'permit' | 'deny' | null

  /** Whom this version names; empty for a revocation. */
  @Column('text', { array: true })
  grantees: string[]

  @Column('uuid', { name: 'recorded_by_member', nullable: true })
  recordedByMember: string | null

  @Column('timestamptz', { name: 'recorded_at' })
  recordedAt: Date

  /** Null with `sealed` where the resource was lost with the database, and only its event came back. */
  @Column('uuid', { name: 'key_id', nullable: true })
  keyId: string | null

  @Column('bytea', { nullable: true })
  sealed: Buffer | null
}
