// The ledger's formats said once more, as plainly as they can be, apart from the product's code and from fsck's.
import { createHash } from 'node:crypto'

export const sha256 = (...parts: Uint8Array[]): Buffer =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

/** RFC 6962 section 2.1: the hash of an entry. */
export const entryHash = (entry: Uint8Array): Buffer => sha256(Buffer.of(0), entry)

/** A leaf's entry: canonical JSON, members in alphabetical order. */
export function leafEntry(leaf: { producer: string; seq: number; tag: string; commitment: string }): Buffer {
  const { producer, seq, tag, commitment } = leaf
  return Buffer.from(JSON.stringify({ leaf: { commitment, producer, seq, tag, v: 1 } }))
}

/** RFC 6962 section 2.1: the root of a list of entry hashes, by its own recursion; perfect halves are remembered. */
export class NaiveTree {
  private readonly perfect = new Map<string, Buffer>()

  constructor(private readonly hashes: readonly string[]) {}

  /** The root of the first `size` entries. */
  rootAt(size: number): string {
    return this.root(0, size).toString('hex')
  }

  private root(from: number, count: number): Buffer {
    if (count === 0) return sha256()
    if (count === 1) return Buffer.from(this.hashes[from]!, 'hex')
    const isPerfect = (count & (count - 1)) === 0
    const known = isPerfect ? this.perfect.get(`${from}+${count}`) : undefined
    if (known) return known
    let left = 1
    while (left * 2 < count) left *= 2
    const made = sha256(Buffer.of(1), this.root(from, left), this.root(from + left, count - left))
    if (isPerfect) this.perfect.set(`${from}+${count}`, made)
    return made
  }
}
