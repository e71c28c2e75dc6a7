// A cosigner's Ed25519 key in Go's text form, `PRIVATE+KEY+<name>+<key ID>+<base64(type || seed)>`, which tools of other
// transparency logs read as well. The type says what it signs: notes as a log, or cosignatures as a witness.
import { base64, fromBase64, sha256 } from '@careseal/crypto'
import { COSIGNATURE_V1, ED25519, vkeyOf, type Vkey } from '@careseal/ledger-core'
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'

/** `sign` is Ed25519 over the bytes that it gets. */
export type SigningKey = { vkey: Vkey; sign: (message: Uint8Array) => Uint8Array }

export type KeyType = typeof ED25519 | typeof COSIGNATURE_V1

/** A text that is no key of the type that was asked for. The message repeats nothing of it. */
export class KeyFileBroken extends Error {
  readonly code = 'key-broken'
  override readonly name = 'KeyFileBroken'
}

const SEED_BYTES = 32
// RFC 8410: the DER of a PKCS #8 Ed25519 key is this and the seed.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The text of the key that is made of 32 random bytes. Throws Malformed for a name that is none. */
export function formatKeyFile({ name, type }: { name: string; type: KeyType }, seed: Uint8Array): string {
  const { keyId } = vkeyOf(sha256, { name, type, publicKey: publicBytes(privateKey(seed)) })
  return `PRIVATE+KEY+${name}+${keyId}+${base64(Buffer.concat([Uint8Array.of(type), seed]))}\n`
}

/** Throws KeyFileBroken. */
export function parseKeyFile(type: KeyType, text: string): SigningKey {
  const [, name, keyId, encoded] = /^PRIVATE\+KEY\+([^+\n]+)\+([0-9a-f]{8})\+([^\n]+)\n?$/.exec(text) ?? []
  const bytes = decode(encoded)
  if (!name || bytes?.length !== SEED_BYTES + 1 || bytes[0] !== type) throw broken()
  const key = privateKey(bytes.subarray(1))
  const vkey = vkeyOf(sha256, { name, type, publicKey: publicBytes(key) })
  if (vkey.keyId !== keyId) throw broken()
  return { vkey, sign: (message) => sign(null, message, key) }
}

function decode(encoded: string | undefined): Uint8Array | null {
  try {
    return encoded === undefined ? null : fromBase64(encoded)
  } catch {
    return null
  }
}

function broken(): KeyFileBroken {
  return new KeyFileBroken('the key cannot be read')
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES)
}
