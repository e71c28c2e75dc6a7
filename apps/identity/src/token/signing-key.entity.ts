import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm'

/** A key that signs access tokens: a private JWK, sealed under the deployment's subject key `keyId`. */
@Entity('signing_key')
export class SigningKeyEntity {
  @PrimaryColumn('text')
  kid: string

  @Column('uuid', { name: 'key_id' })
  keyId: string

  @Column('bytea')
  sealed: Buffer

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt: Date
}
