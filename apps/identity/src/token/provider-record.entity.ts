import { Column, Entity, PrimaryColumn } from 'typeorm'

/** What oidc-provider wants to remember; for client credentials that is the `jti` of used assertions, hashed. */
@Entity('provider_record')
export class ProviderRecordEntity {
  @PrimaryColumn('text')
  model: string

  @PrimaryColumn('text')
  id: string

  @Column('jsonb')
  payload: object

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null
}
