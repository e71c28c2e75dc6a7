// The hash chain of a producer's outbox, in the hexadecimal form that headers and commands carry.
import { sha256 } from '@careseal/crypto'

export type ChainedLeaf = { producer: string; seq: number; tag: string; commitment: string }

const HEX_32 = /^[0-9a-f]{64}$/

export function isHash(text: string | undefined): text is string {
  return text !== undefined && HEX_32.test(text)
}

/** SHA-256 over 0x00 and the ledger entry of this leaf. */
export function leafHashOf({ producer, seq, tag, commitment }: ChainedLeaf): string {
  const entry = `{"leaf":{"commitment":"${commitment}","producer":"${producer}","seq":${seq},"tag":"${tag}","v":1}}`
  return hexOf(sha256(new Uint8Array([0]), bytes(entry)))
}

export function nextLinkOf(previousLink: string, leafHash: string): string {
  return hexOf(sha256(Buffer.from(previousLink, 'hex'), Buffer.from(leafHash, 'hex')))
}

export function firstLinkOf(origin: string, producer: string): string {
  return hexOf(sha256(bytes(`careseal/v1/first-link\n${origin}\n${producer}`)))
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function hexOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')
}
