// Wraps subject keys under one root key. On one machine the root key is a file; in a cluster it is a transit service.
// The AAD names the subject and the version, so a wrapped key moved to another row does not unwrap.
import { hex, NONCE_BYTES, sha256, unwrapKey, utf8, wrapKey } from '@careseal/crypto'
import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** A root key that never leaves its holder. `wrap` and `unwrap` fail closed: an outage is a `KmsUnavailable`. */
export type Kms = {
  /** Names the root key; stored beside what it wrapped. */
  readonly keyId: string
  wrap(key: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
  unwrap(wrapped: Uint8Array, aad: Uint8Array): Promise<Uint8Array>
}

/** The key file is missing, readable by others or malformed, or the KMS does not answer. Nothing is served. */
export class KmsUnavailable extends Error {
  readonly code = 'kms-unavailable'
}

/** The wrapped key was altered, moved to another row, or wrapped under another root key. */
export class UnwrapFailed extends Error {
  readonly code = 'unwrap-failed'
  constructor() {
    super('a wrapped key does not open under this root key and row')
  }
}

/**
 * A KMS over a file of 64 hex digits that only its owner may read (mode 0600 or tighter). Of a file that root owns the
 * group may read too (0640): that is how a Kubernetes secret reaches a process that is not root.
 */
export function fileKms(path: string): Kms {
  const root = readRootKey(path)
  const keyId = hex(sha256(utf8('careseal/v1/kms-key-id\n'), root)).slice(0, 32)
  return {
    keyId,
    wrap: async (key, aad) => wrapKey({ root, nonce: randomBytes(NONCE_BYTES), key, aad }),
    unwrap: async (wrapped, aad) => unwrap(root, wrapped, aad),
  }
}

function readRootKey(path: string): Uint8Array {
  const { mode, uid } = statOrRefuse(path)
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0)
    throw new KmsUnavailable('the KMS key file must not be readable by others')
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new KmsUnavailable('the KMS key file must hold 64 hex digits')
  return Buffer.from(text, 'hex')
}

function statOrRefuse(path: string): { mode: number; uid: number } {
  try {
    return statSync(path)
  } catch (cause) {
    throw new KmsUnavailable('the KMS key file cannot be read', { cause })
  }
}

function unwrap(root: Uint8Array, wrapped: Uint8Array, aad: Uint8Array): Uint8Array {
  try {
    return unwrapKey({ root, wrapped, aad })
  } catch {
    throw new UnwrapFailed()
  }
}
