// Where oidc-provider keeps and finds things: clients are our read model, everything else is a row that expires.
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { type DataSource, IsNull, MoreThan, type FindOptionsWhere } from 'typeorm'
import { signingAlgorithmOf } from '../client/public-key.js'
import type { AccountEntity } from '../directory/account.entity.js'
import { ClientEntity } from '../directory/client.entity.js'
import { ProviderRecordEntity } from './provider-record.entity.js'
import { saidAsOAuth } from './said-as-oauth.js'
import type { BearerLinks } from './token-policy.js'

/** What a client carries for its tokens, as one metadata member. */
export type ClientBearer = { accountId: string; links: BearerLinks }

export function adapterOf(dataSource: DataSource): (model: string) => Adapter {
  return (model) => {
    const adapter = model === 'Client' ? new ClientAdapter(model, dataSource) : new RecordAdapter(model, dataSource)
    return saidAsOAuth(adapter)
  }
}

class RecordAdapter implements Adapter {
  constructor(
    protected readonly model: string,
    protected readonly dataSource: DataSource,
  ) {}

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const expiresAt = Number.isFinite(expiresIn) ? new Date(Date.now() + expiresIn * 1000) : null
    const row = { model: this.model, id, payload, expiresAt }
    if (this.model === 'ReplayDetection') return this.useOnce(row)
    await this.records.upsert(row, ['model', 'id'])
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return this.first({ id })
  }

  async findByUserCode(_userCode: string): Promise<undefined> {}

  async findByUid(_uid: string): Promise<undefined> {}

  async consume(id: string): Promise<void> {
    const payload = await this.find(id)
    if (payload) await this.records.update(this.key(id), { payload: { ...payload, consumed: Date.now() / 1000 } })
  }

  async destroy(id: string): Promise<void> {
    await this.records.delete(this.key(id))
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const sql = `DELETE FROM provider_record WHERE model = $1 AND payload ->> 'grantId' = $2`
    await this.dataSource.query(sql, [this.model, grantId])
  }

  private get records() {
    return this.dataSource.getRepository(ProviderRecordEntity)
  }

  private key(id: string) {
    return { model: this.model, id }
  }

  private async first(where: FindOptionsWhere<ProviderRecordEntity>): Promise<AdapterPayload | undefined> {
    const alive = [{ expiresAt: IsNull() }, { expiresAt: MoreThan(new Date()) }]
    const found = await this.records.findOneBy(alive.map((each) => ({ model: this.model, ...where, ...each })))
    return found?.payload as AdapterPayload | undefined
  }

  // The provider looks first and saves afterwards: of two requests at once both would find nothing. The insert decides.
  private async useOnce(row: Omit<ProviderRecordEntity, 'expiresAt'> & { expiresAt: Date | null }): Promise<void> {
    const sql = `INSERT INTO provider_record AS r (model, id, payload, expires_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT (model, id) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at
      WHERE r.expires_at <= now() RETURNING id`
    const values = [row.model, row.id, JSON.stringify(row.payload), row.expiresAt]
    const inserted = await this.dataSource.query<unknown[]>(sql, values)
    if (inserted.length === 0) throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
  }
}

/** Clients of open accounts; a closed account's clients are unknown, so they get no token from the commit on. */
class ClientAdapter extends RecordAdapter {
  override async find(clientId: string): Promise<AdapterPayload | undefined> {
    // Postgres holds no NUL in a text, and neither does any id of ours.
    if (clientId.includes('\0')) return undefined
    const client = await this.dataSource.getRepository(ClientEntity).findOne({
      where: { clientId, account: { closedAt: IsNull() } },
      relations: { account: { member: true } },
    })
    return client ? (metadataOf(client) as AdapterPayload) : undefined
  }
}

function metadataOf({ clientId, jwk, account }: ClientEntity) {
  const alg = signingAlgorithmOf(jwk)
  return {
    client_id: clientId,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: alg,
    jwks: { keys: [{ ...jwk, alg, use: 'sig' }] },
    bearer: { accountId: account!.accountId, links: linksOf(account!) } satisfies ClientBearer,
  }
}

function linksOf({ role, memberId, practitionerId, patientId, member }: AccountEntity): BearerLinks {
  const ids = { memberId, practitionerId, patientId, organizationId: member?.organizationId ?? null }
  return { role, ...Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== null)) }
}
