// The ledger's formats once more, written apart from libs/ledger-core and libs/merkle and as plainly as they can be said,
// so that an error in one is not an error in both.
import { createHash, createHmac } from 'node:crypto'
import { canonical } from './naive-entry.js'

export const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

export const leafHashOf = (entry: Uint8Array): Buffer => sha256(Buffer.of(0), entry)

export const linkAfter = (link: Uint8Array, leafHash: Uint8Array): Buffer => sha256(link, leafHash)

export const firstLinkOf = (origin: string, producer: string): Buffer =>
  sha256(Buffer.from(`careseal/v1/first-link\n${origin}\n${producer}`))

/** Canonical JSON of a leaf entry: members in alphabetical order, no white space. */
export function leafEntry(producer: string, seq: number, tag: string, commitment: string): Buffer {
  return Buffer.from(JSON.stringify({ leaf: { commitment, producer, seq, tag, v: 1 } }))
}

export function eventCommitmentOf(opening: Uint8Array, type: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(type))
  return createHmac('sha256', opening).update('careseal/v1/event').update(length).update(type).update(body).digest()
}

/** What an event says of a private part that is one value: an HMAC under the salt that lies inside the ciphertext. */
export function contentCommitmentOf(salt: Uint8Array, value: unknown): Buffer {
  return createHmac('sha256', salt).update('careseal/v1/content').update(canonical(value)).digest()
}

/** The tree as it grows: roots of perfect subtrees, largest first. Two of one size become one. */
export class GrowingTree {
  size = 0
  private readonly peaks: { height: number; hash: Buffer }[] = []

  append(leafHash: Buffer): void {
    this.size += 1
    this.peaks.push({ height: 0, hash: leafHash })
    while (this.peaks.length > 1 && this.peaks.at(-1)!.height === this.peaks.at(-2)!.height) {
      const right = this.peaks.pop()!
      const left = this.peaks.pop()!
      this.peaks.push({ height: left.height + 1, hash: sha256(Buffer.of(1), left.hash, right.hash) })
    }
  }

  root(): Buffer {
    if (this.peaks.length === 0) return sha256()
    return this.peaks.map((peak) => peak.hash).reduceRight((right, left) => sha256(Buffer.of(1), left, right))
  }
}

/** Root of a full tile: 256 hashes, hashed pair by pair, eight times. */
export function tileRoot(hashes: readonly Buffer[]): Buffer {
  let level = [...hashes]
  while (level.length > 1) {
    const above: Buffer[] = []
    for (let i = 0; i < level.length; i += 2) above.push(sha256(Buffer.of(1), level[i]!, level[i + 1]!))
    level = above
  }
  return level[0]!
}
