// Hash and signature checks of node:crypto, as the pure libraries take them.
import { hmacSha256, sha256 } from '@careseal/crypto'
import type { VerifyEd25519 } from '@careseal/ledger-core'
import { createPublicKey, verify } from 'node:crypto'

/** The prefix of a DER encoding of an Ed25519 public key (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

const verifyEd25519: VerifyEd25519 = (publicKey, message, signature) => {
  const der = Buffer.concat([SPKI_PREFIX, publicKey])
  return verify(null, message, createPublicKey({ key: der, format: 'der', type: 'spki' }), signature)
}

export const PRIMITIVES = { sha256, hmacSha256, verifyEd25519 }
