// The log's Ed25519 key in Go's text form, `PRIVATE+KEY+<name>+<key ID>+<base64(type || seed)>`, which tools of other
// transparency logs read as well.
import { base64, fromBase64, sha256 } from '@careseal/crypto'
import { ED25519, formatVkey, vkeyOf, type NoteSigner } from '@careseal/ledger-core'
import { createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto'
import { SignerUnfit } from './signer-unfit.js'

export type LogKey = { vkey: string; signer: NoteSigner }

const SEED_BYTES = 32
// RFC 8410: the DER of a PKCS #8 Ed25519 key is this and the seed.
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

/** The text of a key made of 32 random bytes. */
export function formatLogKey(name: string, seed: Uint8Array): string {
  const { keyId } = vkeyOf(sha256, { name, type: ED25519, publicKey: publicBytes(privateKey(seed)) })
  return `PRIVATE+KEY+${name}+${keyId}+${base64(Buffer.concat([Uint8Array.of(ED25519), seed]))}\n`
}

/** Throws SignerUnfit `key-broken`; its message repeats nothing of the text. */
export function parseLogKey(text: string): LogKey {
  const [, name, keyId, encoded] = /^PRIVATE\+KEY\+([^+\n]+)\+([0-9a-f]{8})\+([^\n]+)\n?$/.exec(text) ?? []
  const bytes = decode(encoded)
  if (!name || bytes?.length !== SEED_BYTES + 1 || bytes[0] !== ED25519) throw broken()
  const key = privateKey(bytes.subarray(1))
  const vkey = vkeyOf(sha256, { name, type: ED25519, publicKey: publicBytes(key) })
  if (vkey.keyId !== keyId) throw broken()
  return { vkey: formatVkey(vkey), signer: { name, keyId, sign: (message) => sign(null, message, key) } }
}

function decode(encoded: string | undefined): Uint8Array | null {
  try {
    return encoded === undefined ? null : fromBase64(encoded)
  } catch {
    return null
  }
}

function broken(): SignerUnfit {
  return new SignerUnfit('key-broken', "the log's key cannot be read")
}

function privateKey(seed: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

function publicBytes(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES)
}
