import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm'
import type { PublicKey } from '../client/public-key.js'
import { AccountEntity } from './account.entity.js'

/** Read model of clients, which the token endpoint asks. A public key is nobody's personal data. */
@Entity('client')
export class ClientEntity {
  @PrimaryColumn('text', { name: 'client_id' })
  clientId: string

  @Column('uuid', { name: 'account_id' })
  accountId: string

  @ManyToOne(() => AccountEntity, { nullable: false })
  @JoinColumn({ name: 'account_id' })
  account?: Relation<AccountEntity>

  @Column('jsonb')
  jwk: PublicKey

  @Column('uuid', { name: 'event_id' })
  eventId: string
}
