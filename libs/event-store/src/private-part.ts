// Seals and opens what must not be public about an event: the leaf's opening and the private part. Each is bound by its
// AAD to the log, the key, the event and its own place, so neither rows nor columns can be swapped.
import {
  canonicalBytes,
  contentCommitment,
  deriveRecordKey,
  fromHex,
  fromUtf8,
  hex,
  NONCE_BYTES,
  open,
  rowAad,
  seal,
  type JsonValue,
  type SubjectKey,
} from '@careseal/crypto'

type RandomBytes = (count: number) => Uint8Array

/** Which event a sealed value belongs to. `origin` is the log's, `schema` the event's schema version. */
export type SealedPlace = { origin: string; type: string; id: string; schema: number }

type Part = 'opening' | 'private'

/** What is encrypted of a private part: the value and the opening of its own commitment. */
export type PrivateContent = { bytes: Uint8Array; commitment: Uint8Array }

/** Wraps a private value with a fresh opening; `commitment` is what the body's `content` says. */
export function commitPrivate(value: JsonValue, randomBytes: RandomBytes): PrivateContent {
  const opening = randomBytes(32)
  const bytes = canonicalBytes({ opening: hex(opening), value })
  return { bytes, commitment: contentCommitment(opening, canonicalBytes(value)) }
}

/** The value inside decrypted private bytes, and the opening of the body's `content`. */
export function readPrivate(bytes: Uint8Array): { value: JsonValue; opening: Uint8Array } {
  const parsed = JSON.parse(fromUtf8(bytes)) as { opening: string; value: JsonValue }
  return { value: parsed.value, opening: fromHex(parsed.opening, 32) }
}

export function sealPart(
  key: SubjectKey,
  place: SealedPlace & { part: Part },
  plaintext: Uint8Array,
  randomBytes: RandomBytes,
): Uint8Array {
  return seal({ key: partKey(key), nonce: randomBytes(NONCE_BYTES), plaintext, aad: partAad(key, place) })
}

/** Throws SealBroken when the row was altered or comes from another event. */
export function openPart(key: SubjectKey, place: SealedPlace & { part: Part }, sealed: Uint8Array): Uint8Array {
  return open({ key: partKey(key), sealed, aad: partAad(key, place) })
}

// One derivation for all of a subject's events in a transaction: the AAD tells events and columns apart, and `seal` makes
// a key of its own for each nonce. `event` is no FHIR type, so this is never the key of a record's version.
const partKeys = new WeakMap<SubjectKey, Uint8Array>()

function partKey(key: SubjectKey): Uint8Array {
  const known = partKeys.get(key)
  if (known) return known
  const made = deriveRecordKey(key, { type: 'event', id: key.subjectId, version: 'private' })
  partKeys.set(key, made)
  return made
}

function partAad(key: SubjectKey, place: SealedPlace & { part: Part }): Uint8Array {
  const { origin, type, id, part, schema } = place
  return rowAad({ origin, keyId: key.keyId, type, id, version: part, schema })
}
