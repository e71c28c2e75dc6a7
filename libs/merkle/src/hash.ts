// RFC 6962 section 2.1: leaves and inner nodes are hashed under different prefixes, so neither can pass for the other.

/** 32 bytes of SHA-256. */
export type Hash = Uint8Array

/**
 * SHA-256 over the concatenation of its chunks. Comes in as an argument, so that this library runs in a browser.
 *
 * It keeps none of them: they are written over when it has returned.
 */
export type Sha256 = (...chunks: Uint8Array[]) => Hash

export const HASH_BYTES = 32

const LEAF_PREFIX = Uint8Array.of(0)
// Safe to share: written and hashed in one go, and no view of it leaves this file but to the hash function.
const node = Uint8Array.of(1, ...new Uint8Array(2 * HASH_BYTES))

/** SHA-256(0x00 || bytes): the hash under which an entry stands in the tree. */
export function leafHash(sha256: Sha256, bytes: Uint8Array): Hash {
  return sha256(LEAF_PREFIX, bytes)
}

/** SHA-256(0x01 || left || right). Throws a RangeError unless both are hashes. */
export function nodeHash(sha256: Sha256, left: Hash, right: Hash): Hash {
  if (left.length !== HASH_BYTES || right.length !== HASH_BYTES) throw new RangeError('a node is made of two hashes')
  node.set(left, 1)
  node.set(right, 1 + HASH_BYTES)
  return sha256(node)
}

/** SHA-256 of nothing: the root of a tree without leaves. */
export function emptyRoot(sha256: Sha256): Hash {
  return sha256()
}

/** Whether two hashes are the same. Not constant time: hashes of a public tree are no secrets. */
export function equalHashes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}
