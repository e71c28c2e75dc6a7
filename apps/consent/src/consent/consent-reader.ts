// Reads consents for those who may see them. Each read is committed as ConsentRead before anything is handed out.
import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { Caller } from '@careseal/contracts'
import type { SubjectKey } from '@careseal/crypto'
import { EventStore, type NewEvent, type Tx } from '@careseal/event-store'
import { EventTransactions } from '@careseal/nest-event-store'
import type { SelectQueryBuilder } from 'typeorm'
import { granteeNames } from '../decisions/reachable-patients.query.js'
import { ConsentVault } from './consent-vault.js'
import { ConsentVersion } from './consent-version.entity.js'
import { ConsentRecorders, type StoredConsent } from './consent.service.js'

export type Criteria = {
  patientId?: string | undefined
  consentIds?: readonly string[] | undefined
  statuses?: readonly string[] | undefined
}

/** `after` is the last consent id of the page before, or null at the beginning. */
export type Page = { count: number; after: string | null }

export type Hits = { total: number; hits: StoredConsent[]; next: string | null }

type Openable = Pick<ConsentVersion, 'consentId' | 'versionId' | 'patientId' | 'recordedAt'> & {
  key: SubjectKey
  sealed: Buffer
}

type Versions = SelectQueryBuilder<ConsentVersion>

const CURRENT =
  'NOT EXISTS (SELECT 1 FROM consent_version n WHERE n.consent_id = v.consent_id AND n.ordinal > v.ordinal)'

@Injectable()
export class ConsentReader {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly store: EventStore,
    private readonly vault: ConsentVault,
    private readonly recorders: ConsentRecorders,
  ) {}

  /** The current version, or null: unknown, or not for this caller; the two look alike. */
  async read(caller: Caller, consentId: string): Promise<StoredConsent | null> {
    const [found] = await this.release(caller, (visible) =>
      visible.andWhere(CURRENT).andWhere('v.consent_id = :consentId', { consentId }),
    )
    return found ?? null
  }

  async readVersion(caller: Caller, consentId: string, versionId: string): Promise<StoredConsent | null> {
    const [found] = await this.release(caller, (visible) =>
      visible.andWhere('v.consent_id = :consentId AND v.version_id = :versionId', { consentId, versionId }),
    )
    return found ?? null
  }

  /** All versions that this caller may see, the newest first; empty when there is none. */
  async history(caller: Caller, consentId: string): Promise<StoredConsent[]> {
    return this.release(caller, (visible) =>
      visible.andWhere('v.consent_id = :consentId', { consentId }).orderBy('v.ordinal', 'DESC'),
    )
  }

  /** Current versions by consent id, so that pages neither miss nor repeat one that was there all the time. */
  async search(caller: Caller, criteria: Criteria, { count, after }: Page): Promise<Hits> {
    const matching = (visible: Versions) => restrict(visible.andWhere(CURRENT), criteria)
    const total = await this.transactions.run((tx) => matching(this.visible(tx, caller)).getCount())
    const found = await this.release(
      caller,
      (visible) => {
        const rest = after === null ? matching(visible) : matching(visible).andWhere('v.consent_id > :after', { after })
        return rest.orderBy('v.consent_id').take(count + 1)
      },
      count,
    )
    const hits = found.slice(0, count)
    return { total, hits, next: found.length > count ? (hits.at(-1)?.consentId ?? null) : null }
  }

  /** Whether this caller sees any version of the consent; for choosing between 403 and 404, discloses nothing else. */
  async isVisible(caller: Caller, consentId: string): Promise<boolean> {
    return this.transactions.run((tx) =>
      this.visible(tx, caller).andWhere(CURRENT).andWhere('v.consent_id = :consentId', { consentId }).getExists(),
    )
  }

  // A row whose key is gone was erased between its reading and the lock of its subject: it is not there any more. Nor is
  // one whose resource was lost with the database; an older version is never shown in its place.
  private async release(caller: Caller, select: (visible: Versions) => Versions, count = Infinity) {
    return this.transactions.run(async (tx) => {
      const rows = await select(this.visible(tx, caller)).getMany()
      const keys = await this.vault.keysOf(tx.sql, rows)
      const present = rows.flatMap((row) => openable(row, keys) ?? [])
      await this.recordReads(tx, caller, present.slice(0, count))
      return present.map((row) => ({
        consentId: row.consentId,
        versionId: row.versionId,
        recordedAt: row.recordedAt,
        resource: this.vault.open(row.key, row, row.sealed),
      }))
    })
  }

  private async recordReads(tx: Tx, caller: Caller, rows: readonly Openable[]): Promise<void> {
    const events = [...Map.groupBy(rows, ({ patientId }) => patientId)].map(([patientId, own]): NewEvent => {
      const { accountId: actorId, role, memberId } = caller
      const consents = [...new Set(own.map(({ consentId }) => consentId))]
      const data = { actorId, role, memberId, patientId, consents }
      return {
        streamId: `consent-read-${randomUUID()}`,
        expectedVersion: 0,
        type: 'ConsentRead',
        data,
        subjectId: patientId,
      }
    })
    await this.store.append(tx.sql, events)
  }

  /**
   * Every query starts here. Patients see their own consents. Practitioners and systems see versions that permit them
   * something by name (that a patient restricts them is not shown), and recorders what their member wrote down.
   */
  private visible(tx: Tx, caller: Caller): Versions {
    const versions = tx.manager.createQueryBuilder(ConsentVersion, 'v')
    if (caller.role === 'patient') {
      return versions.where('v.patient_id = :own', { own: caller.patientId ?? null })
    }
    const member = this.recorders.has(caller) ? caller.memberId : null
    return versions.where(
      `((v.effect = 'permit' AND v.grantees && :names::text[]) OR v.recorded_by_member = :member::uuid)`,
      { names: granteeNames(caller), member },
    )
  }
}

function openable(row: ConsentVersion, keys: ReadonlyMap<string, SubjectKey>): Openable | null {
  const { consentId, versionId, patientId, recordedAt, sealed } = row
  const key = row.keyId === null ? undefined : keys.get(row.keyId)
  return key && sealed ? { consentId, versionId, patientId, recordedAt, key, sealed } : null
}

function restrict(versions: Versions, { patientId, consentIds, statuses }: Criteria): Versions {
  if (patientId !== undefined) versions.andWhere('v.patient_id = :patientId', { patientId })
  if (consentIds !== undefined) versions.andWhere('v.consent_id = ANY (:consentIds::uuid[])', { consentIds })
  if (statuses !== undefined) versions.andWhere('v.status = ANY (:statuses::text[])', { statuses })
  return versions
}
