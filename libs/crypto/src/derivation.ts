// Every key and salt but the subject keys themselves: HKDF-SHA-256 (RFC 5869) of a subject key with an empty salt, 32
// bytes, and an `info` that is canonical JSON, so that no two purposes can share one. The formats can never change.
import { utf8 } from './bytes.js'
import { canonicalBytes, canonicalJson, canonicalString } from './canonical-json.js'
import { hmacSha256 } from './hash.js'

export const KEY_BYTES = 32

const EMPTY_SALT = new Uint8Array(KEY_BYTES)
const FIRST_BLOCK = Uint8Array.of(1)
const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/

/** A subject's own random key in one service, as it comes unwrapped out of the key store. */
export type SubjectKey = { subjectId: string; keyId: string; keyVersion: number; key: Uint8Array }

/** One version of one resource or event that belongs to a subject. */
export type Versioned = { type: string; id: string; version: string }

/** HKDF-SHA-256 with an output of 32 bytes. An empty salt is 32 zeros, as RFC 5869 section 2.2 says. */
export function hkdf(key: Uint8Array, info: Uint8Array, salt: Uint8Array = EMPTY_SALT): Uint8Array {
  return expand(extract(key, salt), info)
}

function extract(key: Uint8Array, salt: Uint8Array): Uint8Array {
  return hmacSha256(salt, key)
}

function expand(pseudoRandomKey: Uint8Array, info: Uint8Array): Uint8Array {
  return hmacSha256(pseudoRandomKey, info, FIRST_BLOCK)
}

/** The key that encrypts one version. */
export function deriveRecordKey(subjectKey: SubjectKey, { type, id, version }: Versioned): Uint8Array {
  const info = ['careseal/v1/record-key', type, id, version, subjectKey.keyVersion]
  return hkdf(checked(subjectKey.key), canonicalBytes(info))
}

/** The key of all of a subject's tags of one producer incarnation and one month (`YYYY-MM`, UTC). Opens no other month. */
export function deriveTagKey(key: Uint8Array, producer: string, subjectId: string, month: string): Uint8Array {
  if (!MONTH.test(month)) throw new RangeError('a month is YYYY-MM')
  return hkdf(checked(key), canonicalBytes(['careseal/v1/tag', producer, subjectId, month]))
}

/** The month in UTC, as tags name it. Hand in the database's transaction time. */
export function monthOf(time: Date): string {
  return time.toISOString().slice(0, 7)
}

/** The key of a blind index: equal values of one parameter look equal under it, and under no other key. */
export function deriveIndexKey(key: Uint8Array, parameter: string): Uint8Array {
  return hkdf(checked(key), canonicalBytes(['careseal/v1/index', parameter]))
}

/** The salt of one field of one version. For all fields of a version use `fieldSalts`. */
export function deriveFieldSalt(key: Uint8Array, field: Versioned & { pointer: string }): Uint8Array {
  return fieldSalts(key, field)(field.pointer)
}

/** The salts of one version's fields by JSON Pointer: as deriveFieldSalt, at one HMAC a field. */
export function fieldSalts(key: Uint8Array, { type, id, version }: Versioned): (pointer: string) => Uint8Array {
  const pseudoRandomKey = extract(checked(key), EMPTY_SALT)
  const start = canonicalJson(['careseal/v1/field-salt', type, id, version]).slice(0, -1)
  return (pointer) => expand(pseudoRandomKey, utf8(`${start},${canonicalString(pointer)}]`))
}

function checked(key: Uint8Array): Uint8Array {
  if (key.length !== KEY_BYTES) throw new RangeError('a subject key has 32 bytes')
  return key
}
