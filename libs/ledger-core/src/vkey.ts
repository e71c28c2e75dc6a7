// Verifier keys of C2SP signed-note: `<name>+<key ID, 8 hex digits>+<base64(type || public key)>`.
import { base64, concat, fromBase64, fromHex, hex, utf8 } from '@careseal/crypto/portable'
import type { Sha256 } from '@careseal/merkle'
import { Malformed, orMalformed } from './malformed.js'

/** Ed25519 over the note's text. */
export const ED25519 = 0x01
/** Ed25519 cosignature/v1. */
export const COSIGNATURE_V1 = 0x04
/** ML-DSA-44 (sub)tree cosignature: its keys are read, its signatures not verified yet. */
export const ML_DSA_44 = 0x06

const PUBLIC_KEY_BYTES = new Map([
  [ED25519, 32],
  [COSIGNATURE_V1, 32],
  [ML_DSA_44, 1312],
])

/** A signature belongs to a key when both name and keyId (8 hex digits) are the same. */
export type KeyIdentity = { name: string; keyId: string }

export type Vkey = KeyIdentity & { type: number; publicKey: Uint8Array }

/** SHA-256(name || 0x0A || type || public key), first four bytes, in hex. */
export function keyIdOf(sha256: Sha256, name: string, type: number, publicKey: Uint8Array): string {
  return hex(sha256(utf8(name), Uint8Array.of(0x0a, type), publicKey).subarray(0, 4))
}

/** A key with its identity. Throws Malformed for a name or type that is none. */
export function vkeyOf(sha256: Sha256, key: { name: string; type: number; publicKey: Uint8Array }): Vkey {
  const { name, type, publicKey } = key
  if (!isKeyName(name)) throw new Malformed('not a key name')
  if (PUBLIC_KEY_BYTES.get(type) !== publicKey.length) throw new Malformed('not a known type of key')
  return { name, type, publicKey, keyId: keyIdOf(sha256, name, type, publicKey) }
}

export function formatVkey({ name, keyId, type, publicKey }: Vkey): string {
  return `${name}+${keyId}+${base64(concat(Uint8Array.of(type), publicKey))}`
}

/** The key that a vkey line is. Throws Malformed, also when the key ID is not that of name, type and key. */
export function parseVkey(sha256: Sha256, text: string): Vkey {
  // At the first two pluses only: base64 may hold more of them.
  const [, name = '', keyId = '', encoded = ''] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? []
  const bytes = orMalformed('not a vkey', () => fromBase64(encoded))
  if (bytes.length === 0) throw new Malformed('not a vkey')
  const vkey = vkeyOf(sha256, { name, type: bytes[0] as number, publicKey: bytes.slice(1) })
  if (vkey.keyId !== keyId) throw new Malformed('a key ID that is not that of its key')
  return vkey
}

/** Whether a text may name a key: not empty, no white space of Unicode, no plus, no control character. */
export function isKeyName(name: string): boolean {
  return name.isWellFormed() && /^[^\p{White_Space}\p{Cc}+]+$/u.test(name)
}

export function keyIdBytes(keyId: string): Uint8Array {
  return fromHex(keyId, 4)
}
