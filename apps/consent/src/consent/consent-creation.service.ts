// A create that is sent again with the same Idempotency-Key has one effect and one answer (I19).
import { Injectable } from '@nestjs/common'
import type { Caller } from '@careseal/contracts'
import { canonicalBytes, hmacSha256, type JsonValue } from '@careseal/crypto'
import { beginIdempotent, finishIdempotent, type IdempotentAnswer, type Tx } from '@careseal/event-store'
import type { JsonObject } from '@careseal/fhir'
import { EventTransactions } from '@careseal/nest-event-store'
import { etagOf, locationOf } from './consent-bundle.js'
import type { ConsentTerms, Rejection } from './consent.decider.js'
import { ConsentVault } from './consent-vault.js'
import { FhirEdge } from './fhir-edge.js'
import { ConsentService, newId, type StoredConsent } from './consent.service.js'

export type Creation = {
  caller: Caller
  resource: JsonObject
  patientId: string
  terms: ConsentTerms
  idempotencyKey?: string | undefined
}

/** `repeated` holds what was answered before. */
export type Created = { stored: StoredConsent } | { repeated: IdempotentAnswer } | { rejected: Rejection }

/** Undoes the transaction, so that a refused request does not use up its key. */
class Refused extends Error {
  constructor(readonly rejected: Rejection) {
    super(rejected)
  }
}

@Injectable()
export class ConsentCreation {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly vault: ConsentVault,
    private readonly consents: ConsentService,
    private readonly fhir: FhirEdge,
  ) {}

  async create(creation: Creation): Promise<Created> {
    try {
      return await this.transactions.runWithRetry((tx) => this.createIn(tx, creation))
    } catch (error) {
      if (error instanceof Refused) return { rejected: error.rejected }
      throw error
    }
  }

  private async createIn(tx: Tx, creation: Creation): Promise<Created> {
    const { idempotencyKey: key, caller, patientId } = creation
    if (key === undefined) return { stored: await this.grant(tx, creation) }
    const request = { actor: caller.accountId, key, mac: await this.macOf(tx, creation), subjectIds: [patientId] }
    const begun = await beginIdempotent(tx.sql, request)
    if (begun !== 'new') return { repeated: begun.answers[0]! }
    const stored = await this.grant(tx, creation)
    const answer = { status: 201, location: locationOf(stored, this.fhir.url), etag: etagOf(stored) }
    await finishIdempotent(tx.sql, request, [answer])
    return { stored }
  }

  private async grant(tx: Tx, { caller, resource, patientId, terms }: Creation): Promise<StoredConsent> {
    const actor = this.consents.actorOf(caller)
    const command = { type: 'GrantConsent' as const, actor, consentId: newId(), versionId: newId(), patientId, terms }
    const written = await this.consents.writeIn(tx, { command, resource })
    if ('rejected' in written) throw new Refused(written.rejected as Rejection)
    return written
  }

  private async macOf(tx: Tx, { resource }: Creation): Promise<Uint8Array> {
    const request = canonicalBytes(['POST', '/fhir/Consent', resource as JsonValue])
    return hmacSha256(await this.vault.idempotencyKey(tx.sql), request)
  }
}
