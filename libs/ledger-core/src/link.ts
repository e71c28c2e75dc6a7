import { utf8 } from '@careseal/crypto/portable'
import type { Hash, Sha256 } from '@careseal/merkle'
import { checkOrigin, checkProducer } from './entry.js'

/** What a producer's chain starts from: SHA-256("careseal/v1/first-link\n" || origin || "\n" || producer). */
export function firstLink(sha256: Sha256, origin: string, producer: string): Hash {
  checkOrigin(origin)
  checkProducer(producer)
  return sha256(utf8(`careseal/v1/first-link\n${origin}\n${producer}`))
}

/** SHA-256(previous link || leaf hash): so the link of the last leaf binds all of a producer's leaves. */
export function nextLink(sha256: Sha256, previousLink: Hash, leafHash: Hash): Hash {
  return sha256(previousLink, leafHash)
}
