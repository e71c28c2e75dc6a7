// What consent does when its database was rolled back: events that came back are in force again, a revocation first of
// all; and a permit of a patient of whom an event is lost for good is revoked, for the lost one may have revoked it.
import { randomUUID } from 'node:crypto'
import type { EventBody } from '@careseal/contracts'
import type { EventStore, RestoredEvent, Tx } from '@careseal/event-store'
import type { JsonObject } from '@careseal/fhir'
import type { SubjectKeys } from '@careseal/keys'
import { subjectsOfLostLeaves, type Recovery, type RecoveryModel, type RecoveryTools } from '@careseal/nest-event-store'
import { In } from 'typeorm'
import { ActiveConsent } from '../active-consents/active-consent.entity.js'
import { lockHeadForChange, projectConsent } from '../active-consents/active-consents.projection.js'
import { granteeName } from '../active-consents/active-consents.query.js'
import { ConsentVault, fieldRoot } from '../consent/consent-vault.js'
import { ConsentVersion } from '../consent/consent-version.entity.js'
import type { ConsentEvent } from '../consent/consent.decider.js'
import { stamped, streamOf } from '../consent/consent.service.js'

export function consentRecovery({ origin, keys, storeOf }: RecoveryTools): RecoveryModel {
  return {
    streamOf: streamOfEvent,
    follow: async (tx, recovery) => {
      for (const restored of recovery.restored) await bringBack(tx, restored)
      const suspension = new Suspension(storeOf(recovery.next), keys, new ConsentVault(keys, origin))
      return suspension.suspend(tx, recovery)
    },
  }
}

function streamOfEvent({ id, type, data }: EventBody): string {
  const { consentId, permitId, decisionId } = data as { consentId?: string; permitId?: string; decisionId?: string }
  if (type === 'ConsentGranted' || type === 'ConsentRevoked') return streamOf(consentId!)
  return type === 'AccessPermitted' || type === 'AccessDenied'
    ? `decision-${permitId ?? decisionId}`
    : `recovered-${id}`
}

// The resource is gone, so the version stands there without one: an older version must not be shown as the current one.
async function bringBack(tx: Tx, { event, streamVersion }: RestoredEvent): Promise<void> {
  if (event.type !== 'ConsentGranted' && event.type !== 'ConsentRevoked') return
  const consentEvent = event as unknown as ConsentEvent
  const { consentId, versionId, patientId } = consentEvent.data
  const head = await lockHeadForChange(tx, patientId)
  await projectConsent(tx, consentEvent, head.revision + 1)
  const isGrant = consentEvent.type === 'ConsentGranted'
  await tx.manager.insert(ConsentVersion, {
    versionId,
    consentId,
    patientId,
    ordinal: streamVersion,
    status: isGrant ? 'active' : 'inactive',
    effect: isGrant ? consentEvent.data.effect : null,
    grantees: isGrant ? consentEvent.data.grantees.map(granteeName) : [],
    recordedByMember: await recorderOf(tx, consentEvent),
    recordedAt: new Date(event.time),
    keyId: null,
    sealed: null,
  })
}

// The member that first recorded a consent stays responsible for it.
async function recorderOf({ manager }: Tx, { data }: ConsentEvent): Promise<string | null> {
  const first = await manager.findOne(ConsentVersion, {
    where: { consentId: data.consentId },
    order: { ordinal: 'ASC' },
  })
  if (first) return first.recordedByMember
  return data.role === 'patient' ? null : (data.memberId ?? null)
}

class Suspension {
  constructor(
    private readonly store: EventStore,
    private readonly keys: SubjectKeys,
    private readonly vault: ConsentVault,
  ) {}

  /** Revokes every permit in force of those patients of whom a lost leaf is. Lock order: subjects, heads, streams. */
  async suspend(tx: Tx, { chains }: Recovery): Promise<Record<string, number>> {
    const { rows } = await tx.sql.query<{ id: string }>(
      `SELECT DISTINCT patient_id::text AS id FROM active_consent WHERE effect = 'permit' ORDER BY 1`,
    )
    const hit = await subjectsOfLostLeaves(tx.sql, this.keys, { chains, subjectIds: rows.map(({ id }) => id) })
    const consents = await tx.manager.findBy(ActiveConsent, { patientId: In(hit), effect: 'permit' })
    for (const consent of consents) await this.revoke(tx, consent)
    return { patientsSuspended: hit.length, permitsSuspended: consents.length }
  }

  // An event like any other: on the ledger, in the patient's access log, and undone by granting anew.
  private async revoke(tx: Tx, { consentId, patientId }: ActiveConsent): Promise<void> {
    const version = { consentId, versionId: randomUUID() }
    const key = await this.vault.keyOf(tx.sql, patientId)
    const head = await lockHeadForChange(tx, patientId)
    const data = { actorId: this.store.deploymentId, role: 'operator' as const, patientId, ...version }
    const last = await this.lastVersion(tx, consentId)
    const resource = last.resource && stamped({ ...last.resource, status: 'inactive' }, version, head.now)
    const [appended] = await this.store.append(tx.sql, [
      {
        type: 'ConsentRevoked',
        streamId: streamOf(consentId),
        subjectId: patientId,
        data,
        ...(resource && { content: fieldRoot(key, version, resource) }),
      },
    ])
    await tx.manager.insert(ConsentVersion, {
      ...version,
      patientId,
      ordinal: appended!.streamVersion,
      status: 'inactive',
      effect: null,
      grantees: [],
      recordedByMember: last.recordedByMember,
      recordedAt: head.now,
      keyId: resource ? key.keyId : null,
      sealed: resource ? this.vault.seal(key, version, resource) : null,
    })
    await projectConsent(tx, { type: 'ConsentRevoked', data }, head.revision + 1)
  }

  private async lastVersion({ sql, manager }: Tx, consentId: string) {
    const last = await manager.findOne(ConsentVersion, { where: { consentId }, order: { ordinal: 'DESC' } })
    const key = last?.keyId ? (await this.vault.keysOf(sql, [last])).get(last.keyId) : undefined
    const resource: JsonObject | null = last?.sealed && key ? this.vault.open(key, last, last.sealed) : null
    return { resource, recordedByMember: last?.recordedByMember ?? null }
  }
}
