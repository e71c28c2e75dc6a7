// C2SP tlog-cosignature, cosignature/v1: a witness states the time at which a checkpoint was the largest consistent one
// that it had seen of this origin.
import { concat, u64, utf8 } from '@careseal/crypto/portable'
import type { Sha256 } from '@careseal/merkle'
import { Malformed } from './malformed.js'
import type { NoteSigner, NoteVerifier } from './note.js'
import { COSIGNATURE_V1, ED25519, vkeyOf, type KeyIdentity, type Vkey } from './vkey.js'

/** Ed25519 of RFC 8032; a malformed key or signature is false. */
export type VerifyEd25519 = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>

const SIGNATURE_BYTES = 64
const TIMESTAMP_BYTES = 8

/** The bytes that a witness signs; the time is in whole seconds since 1970. */
export function cosignatureMessage(timestamp: number, checkpointText: Uint8Array): Uint8Array {
  if (!Number.isSafeInteger(timestamp) || timestamp < 0) throw new Malformed('not a time')
  return concat(utf8(`cosignature/v1\ntime ${timestamp}\n`), checkpointText)
}

/** The time and the Ed25519 signature in a cosignature's bytes behind the key ID. Throws Malformed. */
export function parseCosignature(bytes: Uint8Array): { timestamp: number; signature: Uint8Array } {
  if (bytes.length !== TIMESTAMP_BYTES + SIGNATURE_BYTES) throw new Malformed('not a cosignature')
  const timestamp = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0))
  if (!Number.isSafeInteger(timestamp)) throw new Malformed('not a time')
  return { timestamp, signature: bytes.slice(TIMESTAMP_BYTES) }
}

/** A note signer that co-signs at `timestamp`. `sign` is Ed25519 over the bytes that it gets. */
export function cosigner(identity: KeyIdentity, timestamp: number, sign: NoteSigner['sign']): NoteSigner {
  return {
    ...identity,
    sign: async (text) => concat(u64(timestamp), await sign(cosignatureMessage(timestamp, text))),
  }
}

/** The verifier of a key's signatures over notes, or null for a type that cannot be verified here. */
export function verifierOf(vkey: Vkey, verifyEd25519: VerifyEd25519): NoteVerifier | null {
  const { name, keyId, type, publicKey } = vkey
  if (type === ED25519) {
    return { name, keyId, verify: (text, signature) => verifyPlain(publicKey, text, signature) }
  }
  if (type === COSIGNATURE_V1) return { name, keyId, verify: verifyTimed }
  return null

  function verifyPlain(key: Uint8Array, message: Uint8Array, signature: Uint8Array) {
    return signature.length === SIGNATURE_BYTES && verifyEd25519(key, message, signature)
  }

  function verifyTimed(text: Uint8Array, bytes: Uint8Array) {
    try {
      const { timestamp, signature } = parseCosignature(bytes)
      return verifyPlain(publicKey, cosignatureMessage(timestamp, text), signature)
    } catch {
      return false
    }
  }
}

/** The cosignature key of a witness that is listed by a plain Ed25519 vkey, as Go's formats library reads such lists. */
export function asCosignatureKey(sha256: Sha256, vkey: Vkey): Vkey {
  return vkey.type === ED25519 ? vkeyOf(sha256, { ...vkey, type: COSIGNATURE_V1 }) : vkey
}
