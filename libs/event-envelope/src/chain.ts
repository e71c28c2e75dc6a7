// The hash chain of a producer's outbox, in the hexadecimal form that headers and commands carry. Every reader of the
// stream runs this for every event, so it makes no bytes that it can do without.
import { hex, sha256, sha256Hex } from '@careseal/crypto'
import { firstLink, leafText, type Leaf } from '@careseal/ledger-core'

const HEX_32 = /^[0-9a-f]{64}$/
/** RFC 6962: what the hash of a leaf begins with. */
const LEAF_PREFIX = '\0'

export function isHash(text: string | undefined): text is string {
  return text !== undefined && HEX_32.test(text)
}

/** `leafEntryHash` of the ledger's core. */
export function leafHashOf(leaf: Leaf): string {
  return sha256Hex(LEAF_PREFIX + leafText(leaf))
}

/** `nextLink` of the ledger's core. Both are 64 hex digits. */
export function nextLinkOf(previousLink: string, leafHash: string): string {
  return sha256Hex(Buffer.from(previousLink + leafHash, 'hex'))
}

export function firstLinkOf(origin: string, producer: string): string {
  return hex(firstLink(sha256, origin, producer))
}
