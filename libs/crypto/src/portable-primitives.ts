// What verifiers take as arguments, where WebCrypto is: in a browser, and in Node without node:crypto.
import { portableHmacSha256, portableSha256 } from './portable-hash.js'

/** Ed25519 of RFC 8032; false for a malformed key or signature. Rejects where WebCrypto does not know Ed25519. */
async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { subtle } = globalThis.crypto
  try {
    // Copies: WebCrypto takes no views of shared memory.
    const key = await subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify'])
    return await subtle.verify('Ed25519', key, new Uint8Array(signature), new Uint8Array(message))
  } catch (error) {
    if ((error as Error).name === 'NotSupportedError') throw error
    return false
  }
}

/** Hashes of our own, since a proof is folded from many small ones in a row and WebCrypto hashes only asynchronously. */
export const WEB_PRIMITIVES = { sha256: portableSha256, hmacSha256: portableHmacSha256, verifyEd25519 }
