// A write that is sent again with the same Idempotency-Key has one effect and one answer (I19).
import { Injectable } from '@nestjs/common'
import type { Caller } from '@careseal/contracts'
import { canonicalBytes, hmacSha256, type JsonValue } from '@careseal/crypto'
import { beginIdempotent, finishIdempotent, type IdempotentAnswer, type Tx } from '@careseal/event-store'
import { EventTransactions } from '@careseal/nest-event-store'
import { etagOf, locationOf } from './consent-bundle.js'
import { ConsentVault } from './consent-vault.js'
import { ConsentService, Refused, type Refusal, type StoredConsent, type Write } from './consent.service.js'
import { FhirEdge } from './fhir-edge.js'

export type KeyedWrite = Write & { caller: Caller; idempotencyKey?: string | undefined }

/** `repeated` holds what was answered before. */
export type Done = { stored: StoredConsent } | { repeated: IdempotentAnswer } | { rejected: Refusal }

@Injectable()
export class ConsentWrites {
  constructor(
    private readonly transactions: EventTransactions,
    private readonly vault: ConsentVault,
    private readonly consents: ConsentService,
    private readonly fhir: FhirEdge,
  ) {}

  async run(write: KeyedWrite): Promise<Done> {
    try {
      return await this.transactions.runWithRetry((tx) => this.runIn(tx, write))
    } catch (error) {
      if (error instanceof Refused) return { rejected: error.rejected }
      throw error
    }
  }

  private async runIn(tx: Tx, write: KeyedWrite): Promise<Done> {
    const { idempotencyKey: key, caller, command } = write
    if (key === undefined) return { stored: await this.consents.writeIn(tx, write) }
    const { patientId } = command
    const request = { actor: caller.accountId, key, mac: await this.macOf(tx, write), subjectIds: [patientId] }
    const begun = await beginIdempotent(tx.sql, request)
    if (begun !== 'new') return { repeated: begun.answers[0]! }
    const stored = await this.consents.writeIn(tx, write)
    const status = command.type === 'GrantConsent' ? 201 : 200
    const answer = { status, location: locationOf(stored, this.fhir.url), etag: etagOf(stored) }
    await finishIdempotent(tx.sql, request, [answer])
    return { stored }
  }

  private async macOf(tx: Tx, write: KeyedWrite): Promise<Uint8Array> {
    return hmacSha256(await this.vault.idempotencyKey(tx.sql), canonicalBytes(requestOf(write)))
  }
}

// Everything that must be the same for the same answer. The id of a new consent is made by the server.
function requestOf({ command, resource, ifMatch }: KeyedWrite): JsonValue {
  if (command.type === 'GrantConsent') return ['POST', '/fhir/Consent', resource as JsonValue]
  return ['PUT', `/fhir/Consent/${command.consentId}`, ifMatch ?? null, resource as JsonValue]
}
