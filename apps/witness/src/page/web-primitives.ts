// Hash and signature checks in a browser: Ed25519 of WebCrypto, which pages have over https, on localhost, or as a file.
import { portableHmacSha256, portableSha256 } from '@careseal/crypto/portable'
import type { PagePrimitives } from './judge.js'

/** Ed25519 of RFC 8032; false for a malformed key or signature. Rejects where WebCrypto is missing. */
async function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const { subtle } = globalThis.crypto
  try {
    const key = await subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify'])
    return await subtle.verify('Ed25519', key, new Uint8Array(signature), new Uint8Array(message))
  } catch (error) {
    if ((error as Error).name === 'NotSupportedError') throw error
    return false
  }
}

export const WEB_PRIMITIVES: PagePrimitives = {
  sha256: portableSha256,
  hmacSha256: portableHmacSha256,
  verifyEd25519,
}

/** Whether this page can check signatures at all. */
export function canVerify(): boolean {
  return globalThis.crypto?.subtle !== undefined
}
