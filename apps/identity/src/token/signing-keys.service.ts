// The keys that sign access tokens. The first start makes one; every later start, and every replica, finds it.
import { deriveRecordKey, open, rowAad, seal, type SubjectKey } from '@careseal/crypto'
import { EventStore, transaction, type Tx } from '@careseal/event-store'
import { SubjectKeys } from '@careseal/keys'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '@careseal/nest-event-store'
import { Inject, Injectable } from '@nestjs/common'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'
import { randomBytes } from 'node:crypto'
import { DataSource } from 'typeorm'
import { SigningKeyEntity } from './signing-key.entity.js'

/** Any fixed number that no other lock in this schema uses. */
const SIGNING_KEY_LOCK = 0x51670

const NONCE_BYTES = 12

@Injectable()
export class SigningKeys {
  constructor(
    private readonly dataSource: DataSource,
    private readonly store: EventStore,
    private readonly keys: SubjectKeys,
    @Inject(EVENT_STORE_OPTIONS) private readonly options: EventStoreModuleOptions,
  ) {}

  /** All private keys, the newest first: it signs, the others are still shown to those who verify. */
  async load(): Promise<JWK[]> {
    return transaction(this.dataSource, async (tx) => {
      // Two replicas that start together must not make two keys.
      await tx.sql.query('SELECT pg_advisory_xact_lock($1)', [SIGNING_KEY_LOCK])
      if (!(await tx.manager.exists(SigningKeyEntity))) await this.create(tx)
      const rows = await tx.manager.find(SigningKeyEntity, { order: { createdAt: 'DESC' } })
      const versions = await this.keys.acquireVersions(
        tx.sql,
        rows.map(({ keyId }) => keyId),
      )
      return rows.map((row) => this.unseal(row, versions))
    })
  }

  private async create(tx: Tx): Promise<void> {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const bare = await exportJWK(privateKey)
    const kid = await calculateJwkThumbprint(bare)
    const { deploymentId } = this.store
    const subjectKey = (await this.keys.acquire(tx.sql, [deploymentId], { create: true })).get(deploymentId)!
    const plaintext = Buffer.from(JSON.stringify({ ...bare, kid, alg: 'ES256', use: 'sig' }))
    const sealed = seal({ ...this.place(kid, subjectKey), nonce: randomBytes(NONCE_BYTES), plaintext })
    await tx.manager.insert(SigningKeyEntity, { kid, keyId: subjectKey.keyId, sealed: Buffer.from(sealed) })
  }

  private unseal({ kid, keyId, sealed }: SigningKeyEntity, versions: Map<string, SubjectKey>): JWK {
    const subjectKey = versions.get(keyId)
    if (!subjectKey) throw new Error('the key of the deployment that sealed a signing key is gone')
    return JSON.parse(Buffer.from(open({ ...this.place(kid, subjectKey), sealed })).toString()) as JWK
  }

  private place(kid: string, subjectKey: SubjectKey): { key: Uint8Array; aad: Uint8Array } {
    const row = { type: 'signing-key', id: kid, version: '1' }
    const aad = rowAad({ origin: this.options.ledgerOrigin, keyId: subjectKey.keyId, schema: 1, ...row })
    return { key: deriveRecordKey(subjectKey, row), aad }
  }
}
