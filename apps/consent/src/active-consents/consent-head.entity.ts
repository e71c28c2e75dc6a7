// One row per patient: decisions hold it FOR SHARE, changes of consents FOR UPDATE. So a decision that starts after a
// change was acknowledged sees the change.
import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity('consent_head')
export class ConsentHead {
  @PrimaryColumn('uuid', { name: 'patient_id' })
  patientId: string

  /** Counts the changes of this patient's consents. */
  @Column('bigint')
  revision: string
}
