// The hash chain of a producer's outbox, in the hexadecimal form that headers and commands carry.
import { sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink, type Leaf } from '@careseal/ledger-core'

const HEX_32 = /^[0-9a-f]{64}$/

export function isHash(text: string | undefined): text is string {
  return text !== undefined && HEX_32.test(text)
}

export function leafHashOf({ producer, seq, tag, commitment }: Leaf): string {
  return hexOf(leafEntryHash(sha256, { producer, seq, tag, commitment }))
}

export function nextLinkOf(previousLink: string, leafHash: string): string {
  return hexOf(nextLink(sha256, Buffer.from(previousLink, 'hex'), Buffer.from(leafHash, 'hex')))
}

export function firstLinkOf(origin: string, producer: string): string {
  return hexOf(firstLink(sha256, origin, producer))
}

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')
}
