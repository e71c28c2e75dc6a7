import { contentMessage, eventMessage, tagMessage } from './commitment-messages.js'
import { KEY_BYTES } from './derivation.js'
import { hmacSha256 } from './hash.js'

/**
 * The commitment in an event's leaf: hides the body until the opening is shown, and binds to it.
 *
 * The opening is 32 fresh random bytes, kept in `event_private.opening`: never used for two leaves. (privacy.md)
 */
export function eventCommitment(opening: Uint8Array, type: string, body: Uint8Array): Uint8Array {
  return hmacSha256(fullLength(opening), eventMessage(type, body))
}

/** The `content` of an event whose private part is one byte string; `opening` lies inside the ciphertext. */
export function contentCommitment(opening: Uint8Array, privateBytes: Uint8Array): Uint8Array {
  return hmacSha256(fullLength(opening), contentMessage(privateBytes))
}

/** The n-th tag of a subject in the month of `tagKey`, n from 1. No two leaves share a tag. */
export function tagOf(tagKey: Uint8Array, n: number): Uint8Array {
  return hmacSha256(fullLength(tagKey), tagMessage(n))
}

function fullLength(key: Uint8Array): Uint8Array {
  // HMAC pads a short key with zeros, so keys of two lengths could open one commitment.
  if (key.length !== KEY_BYTES) throw new RangeError('an opening has 32 bytes')
  return key
}
