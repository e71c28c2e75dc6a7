// A consent version as it is stored: encrypted under the patient's key and bound to its place, so that no row opens in
// another's. Its field root goes into the event, so that single fields can be proven later.
import { randomBytes } from 'node:crypto'
import {
  canonicalBytes,
  deriveIndexKey,
  deriveRecordKey,
  fieldSalts,
  fieldTree,
  NONCE_BYTES,
  open,
  rowAad,
  seal,
  type JsonValue,
  type SubjectKey,
} from '@careseal/crypto'
import type { JsonObject } from '@careseal/fhir'
import type { SubjectKeys } from '@careseal/keys'
import { deploymentIdOf } from '@careseal/nest-event-store'
import type { ClientBase } from 'pg'

const SCHEMA = 1

export type VersionId = { consentId: string; versionId: string }

/** `origin` is the log's: a row of another deployment does not open here. */
export class ConsentVault {
  constructor(
    private readonly keys: SubjectKeys,
    private readonly origin: string,
  ) {}

  /** The patient's current key, after locking the patient's subject row: the first lock of all. */
  async keyOf(sql: ClientBase, patientId: string): Promise<SubjectKey> {
    return (await this.keys.acquire(sql, [patientId], { create: true })).get(patientId)!
  }

  /** The keys of stored versions, after locking their subjects; those of erased patients are absent. */
  async keysOf(sql: ClientBase, rows: readonly { keyId: string | null }[]): Promise<Map<string, SubjectKey>> {
    const keyIds = rows.flatMap(({ keyId }) => keyId ?? [])
    return this.keys.acquireVersions(sql, [...new Set(keyIds)])
  }

  /** The deployment's key for telling requests apart; a bare hash of a consent could be guessed. */
  async idempotencyKey(sql: ClientBase): Promise<Uint8Array> {
    return deriveIndexKey((await this.keyOf(sql, deploymentIdOf(this.origin))).key, 'idempotency')
  }

  seal(key: SubjectKey, version: VersionId, resource: JsonObject): Buffer {
    const sealed = seal({
      key: deriveRecordKey(key, versioned(version)),
      nonce: randomBytes(NONCE_BYTES),
      plaintext: canonicalBytes(resource as JsonValue),
      aad: this.aad(key, version),
    })
    return Buffer.from(sealed)
  }

  /** Throws SealBroken when the row was altered or swapped. */
  open(key: SubjectKey, version: VersionId, sealed: Uint8Array): JsonObject {
    const plaintext = open({ key: deriveRecordKey(key, versioned(version)), sealed, aad: this.aad(key, version) })
    return JSON.parse(new TextDecoder().decode(plaintext)) as JsonObject
  }

  private aad(key: SubjectKey, version: VersionId): Uint8Array {
    return rowAad({ origin: this.origin, keyId: key.keyId, ...versioned(version), schema: SCHEMA })
  }
}

/** The commitment to all fields of a version: the `content` of the event that adds it. */
export function fieldRoot(key: SubjectKey, version: VersionId, resource: JsonObject): Uint8Array {
  return fieldTree(resource as JsonValue, fieldSalts(key.key, versioned(version))).root
}

function versioned({ consentId, versionId }: VersionId) {
  return { type: 'Consent', id: consentId, version: versionId }
}
