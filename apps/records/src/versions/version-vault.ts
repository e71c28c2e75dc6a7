// A version as it is stored: encrypted under a key of its own, derived from its subject's, and bound to its place by the
// AAD, so that no row opens in another's. The field root commits to every field with a salt that only the key gives.
import {
  deriveIndexKey,
  deriveRecordKey,
  fieldSalts,
  fieldTree,
  hmacSha256,
  NONCE_BYTES,
  open,
  rowAad,
  seal,
  utf8,
  type FieldTree,
  type JsonValue,
  type SubjectKey,
} from '@careseal/crypto'
import type { Resource, Token } from '@careseal/fhir'
import { randomBytes } from 'node:crypto'

/** The layout of the plaintext and of the field tree; stored in each row and part of its AAD. */
export const VERSION_SCHEMA = 1

export type VersionPlace = { type: string; id: string; versionId: string }

/** `origin` is the log's: a row of another deployment does not open here. */
export class VersionVault {
  constructor(private readonly origin: string) {}

  seal(key: SubjectKey, place: VersionPlace, resource: Resource): Uint8Array {
    return seal({
      key: deriveRecordKey(key, versioned(place)),
      nonce: randomBytes(NONCE_BYTES),
      plaintext: utf8(JSON.stringify(resource)),
      aad: this.aad(key, place, VERSION_SCHEMA),
    })
  }

  /** Throws SealBroken when the row was altered or comes from another place. */
  open(key: SubjectKey, place: VersionPlace, sealed: { ciphertext: Uint8Array; schema: number }): Resource {
    const opened = open({
      key: deriveRecordKey(key, versioned(place)),
      sealed: sealed.ciphertext,
      aad: this.aad(key, place, sealed.schema),
    })
    return JSON.parse(Buffer.from(opened.buffer, opened.byteOffset, opened.length).toString('utf8')) as Resource
  }

  private aad(key: SubjectKey, place: VersionPlace, schema: number): Uint8Array {
    return rowAad({ origin: this.origin, keyId: key.keyId, ...versioned(place), schema })
  }
}

/** The tree over all fields of a version; its root is the `content` of the version's event. */
export function fieldsOf(key: SubjectKey, place: VersionPlace, resource: Resource): FieldTree {
  return fieldTree(resource as JsonValue, fieldSalts(key.key, versioned(place)))
}

function versioned({ type, id, versionId }: VersionPlace) {
  return { type, id, version: versionId }
}

export type TokenParameter = 'code' | 'category'

const MAC_BYTES = 16

/**
 * Makes the blind index entries of one patient: equal codes of two patients look different.
 *
 * The system is left out, for a search may leave it out; candidates are decided on decrypted values anyway.
 */
export function tokenMacs(key: SubjectKey): (parameter: TokenParameter, code: Token['code']) => Buffer {
  const keys = {
    code: deriveIndexKey(key.key, 'code'),
    category: deriveIndexKey(key.key, 'category'),
  }
  return (parameter, code) => Buffer.from(hmacSha256(keys[parameter], utf8(code)).subarray(0, MAC_BYTES))
}
