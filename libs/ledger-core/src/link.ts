import { utf8 } from '@careseal/crypto/portable'
import { HASH_BYTES, type Hash, type Sha256 } from '@careseal/merkle'
import { checkOrigin, checkProducer } from './entry.js'

// Safe to share: written and hashed in one go, and no view of it leaves this file but to the hash function.
const pair = new Uint8Array(2 * HASH_BYTES)

/** What a producer's chain starts from: SHA-256("careseal/v1/first-link\n" || origin || "\n" || producer). */
export function firstLink(sha256: Sha256, origin: string, producer: string): Hash {
  checkOrigin(origin)
  checkProducer(producer)
  return sha256(utf8(`careseal/v1/first-link\n${origin}\n${producer}`))
}

/**
 * SHA-256(previous link || leaf hash): so the link of the last leaf binds all of a producer's leaves. Throws a RangeError
 * unless both are hashes.
 */
export function nextLink(sha256: Sha256, previousLink: Hash, leafHash: Hash): Hash {
  if (previousLink.length !== HASH_BYTES || leafHash.length !== HASH_BYTES)
    throw new RangeError('a link is of two hashes')
  pair.set(previousLink)
  pair.set(leafHash, HASH_BYTES)
  return sha256(pair)
}
