// Grants, replaces and revokes: load → decide → append, with the version and the read model in the same transaction.
import { randomUUID } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import type { Caller, Role } from '@careseal/contracts'
import type { SubjectKey } from '@careseal/crypto'
import { EventStore, type NewEvent, type Tx } from '@careseal/event-store'
import type { JsonObject } from '@careseal/fhir'
import { lockHeadForChange, projectConsent } from '../active-consents/active-consents.projection.js'
import { granteeName } from '../active-consents/active-consents.query.js'
import { ConsentVault, fieldRoot, type VersionId } from './consent-vault.js'
import { ConsentVersion } from './consent-version.entity.js'
import {
  decide,
  evolve,
  initialState,
  type Actor,
  type Consent,
  type ConsentCommand,
  type ConsentEvent,
  type Rejection,
} from './consent.decider.js'

/** Roles that may write consents down for patients (CONSENT_RECORDERS). */
export class ConsentRecorders {
  constructor(private readonly roles: ReadonlySet<Role>) {}

  has({ role, memberId }: Caller): boolean {
    return role !== 'patient' && memberId !== undefined && this.roles.has(role)
  }
}

/** A version as it was stored: the FHIR resource with its id and meta. */
export type StoredConsent = { consentId: string; versionId: string; recordedAt: Date; resource: JsonObject }

export type Refusal = Rejection | 'version-mismatch'

/** Undoes the transaction: a refused command leaves no row behind and does not use up its Idempotency-Key. */
export class Refused extends Error {
  constructor(readonly rejected: Refusal) {
    super(rejected)
  }
}

/** `ifMatch` is the version that the consent must have. */
export type Write = { command: ConsentCommand; resource: JsonObject; ifMatch?: string | undefined }

@Injectable()
export class ConsentService {
  constructor(
    private readonly store: EventStore,
    private readonly vault: ConsentVault,
    private readonly recorders: ConsentRecorders,
  ) {}

  actorOf(caller: Caller): Actor {
    const { accountId: actorId, role, memberId, patientId } = caller
    const isRecorder = this.recorders.has(caller)
    return { actorId, role, isRecorder, ...(memberId ? { memberId } : {}), ...(patientId ? { patientId } : {}) }
  }

  /**
   * Throws Refused, upon which the transaction must roll back, or SubjectErased.
   *
   * Lock order: subject, consent head, stream. The head is held FOR UPDATE until COMMIT, so all changes of one patient's
   * consents come one after another, no version conflict is possible, and no decision is taken beside a change.
   */
  async writeIn(tx: Tx, { command, resource, ifMatch }: Write): Promise<StoredConsent> {
    const { consentId, versionId, patientId } = command
    // Judged before the first lock: who may not do this makes no key, closes no gate and learns of no erasure.
    judged(command, await this.pastOf(tx, consentId))
    const key = await this.vault.keyOf(tx.sql, patientId)
    const head = await lockHeadForChange(tx, patientId)
    const past = await this.pastOf(tx, consentId)
    const { events, state } = judged(command, past)
    if (ifMatch !== undefined && ifMatch !== past.at(-1)?.data.versionId) throw new Refused('version-mismatch')
    const stored = { consentId, versionId, recordedAt: head.now, resource: stamped(resource, command, head.now) }
    for (const event of events) {
      await this.append(tx, event, { stored, key, version: past.length })
      await this.keep(tx, event, { stored, key, ordinal: past.length + 1, state })
      await projectConsent(tx, event, head.revision + 1)
    }
    return stored
  }

  private async pastOf({ sql }: Tx, consentId: string): Promise<ConsentEvent[]> {
    const past = await this.store.load(sql, streamOf(consentId))
    return past.map(({ event }) => event as ConsentEvent)
  }

  private async append(
    tx: Tx,
    event: ConsentEvent,
    { stored, key, version }: { stored: StoredConsent; key: SubjectKey; version: number },
  ): Promise<void> {
    const place = {
      streamId: streamOf(stored.consentId),
      expectedVersion: version,
      subjectId: event.data.patientId,
      content: fieldRoot(key, stored, stored.resource),
    }
    await this.store.append(tx.sql, [{ ...place, ...event } as NewEvent], new Map([[key.subjectId, key]]))
  }

  private async keep(
    tx: Tx,
    event: ConsentEvent,
    { stored, key, ordinal, state }: { stored: StoredConsent; key: SubjectKey; ordinal: number; state: Consent },
  ): Promise<void> {
    const after = evolve(state, event)
    const row: ConsentVersion = {
      versionId: stored.versionId,
      consentId: stored.consentId,
      patientId: event.data.patientId,
      ordinal,
      status: String(stored.resource.status),
      effect: event.type === 'ConsentGranted' ? event.data.effect : null,
      grantees: event.type === 'ConsentGranted' ? event.data.grantees.map(granteeName) : [],
      recordedByMember: after.status === 'absent' ? null : (after.recordedByMember ?? null),
      recordedAt: stored.recordedAt,
      keyId: key.keyId,
      sealed: this.vault.seal(key, stored, stored.resource),
    }
    await tx.manager.insert(ConsentVersion, row)
  }
}

/** A fresh id for a consent or a version of one. */
export function newId(): string {
  return randomUUID()
}

export function streamOf(consentId: string): string {
  return `consent-${consentId}`
}

function judged(command: ConsentCommand, past: readonly ConsentEvent[]): { events: ConsentEvent[]; state: Consent } {
  const state = past.reduce(evolve, initialState)
  const decision = decide(command, state)
  if ('rejected' in decision) throw new Refused(decision.rejected)
  return { events: decision.events, state }
}

/** The resource as this server keeps it: its own id, version and time, whatever the client wrote there. */
export function stamped(resource: JsonObject, { consentId, versionId }: VersionId, now: Date): JsonObject {
  const meta = typeof resource.meta === 'object' && resource.meta !== null ? resource.meta : {}
  return { ...resource, id: consentId, meta: { ...meta, versionId, lastUpdated: now.toISOString() } }
}
