// Who stands behind an account id, as identity's events say: ids alone, no names.
import { Column, Entity, PrimaryColumn } from 'typeorm'

@Entity('known_account')
export class KnownAccount {
  @PrimaryColumn('uuid', { name: 'account_id' })
  accountId: string

  @Column('text')
  role: string

  @Column('uuid', { name: 'member_id', nullable: true })
  memberId: string | null

  @Column('uuid', { name: 'practitioner_id', nullable: true })
  practitionerId: string | null
}

@Entity('known_member')
export class KnownMember {
  @PrimaryColumn('uuid', { name: 'member_id' })
  memberId: string

  @Column('text')
  kind: string

  @Column('uuid', { name: 'organization_id', nullable: true })
  organizationId: string | null
}
