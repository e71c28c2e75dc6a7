// The only state an appender needs: the roots of the perfect subtrees that a tree of some size falls into, left to right.
// Their sizes are the powers of two of `size`, falling; so appending a leaf merges as often as `size` ends in ones.
import { emptyRoot, HASH_BYTES, nodeHash, type Hash, type Sha256 } from './hash.js'

/** Hears of every perfect subtree at the moment it is complete: `index` counts subtrees of 2^level leaves from the left. */
export type NodeListener = (level: number, index: number, hash: Hash) => void

/** A growing RFC 6962 tree of fewer than 2^53 leaves, kept in at most 53 hashes. */
export class CompactRange {
  private constructor(
    private readonly sha256: Sha256,
    private count: number,
    private readonly roots: Hash[],
  ) {}

  static empty(sha256: Sha256): CompactRange {
    return new CompactRange(sha256, 0, [])
  }

  /** Continues from a stored size and its subtree roots. Throws a RangeError when the two cannot belong together. */
  static from(sha256: Sha256, size: number | bigint, hashes: readonly Hash[]): CompactRange {
    const count = Number(size)
    if (!Number.isSafeInteger(count) || count < 0 || BigInt(count) !== BigInt(size)) {
      throw new RangeError('tree size out of range')
    }
    if (hashes.length !== onesIn(count)) throw new RangeError('compact range does not fit the tree size')
    if (hashes.some((hash) => hash.length !== HASH_BYTES)) throw new RangeError('compact range holds a short hash')
    return new CompactRange(sha256, count, [...hashes])
  }

  get size(): number {
    return this.count
  }

  /** The perfect subtrees' roots, largest first: what has to be stored beside `size`. */
  get hashes(): Hash[] {
    return [...this.roots]
  }

  append(leafHash: Hash, onNode?: NodeListener): void {
    if (leafHash.length !== HASH_BYTES) throw new RangeError('a leaf hash has 32 bytes')
    if (this.count === Number.MAX_SAFE_INTEGER) throw new RangeError('tree size out of range')
    let index = this.count
    let hash = leafHash
    onNode?.(0, index, hash)
    for (let level = 1; index % 2 === 1; level++) {
      hash = nodeHash(this.sha256, this.roots.pop() as Hash, hash)
      index = (index - 1) / 2
      onNode?.(level, index, hash)
    }
    this.roots.push(hash)
    this.count += 1
  }

  root(): Hash {
    let root = this.roots.at(-1)
    if (root === undefined) return emptyRoot(this.sha256)
    for (let i = this.roots.length - 2; i >= 0; i--) root = nodeHash(this.sha256, this.roots[i] as Hash, root)
    return root
  }

  clone(): CompactRange {
    return new CompactRange(this.sha256, this.count, [...this.roots])
  }
}

/** The RFC 6962 root over leaf hashes. */
export function merkleRoot(sha256: Sha256, leafHashes: Iterable<Hash>): Hash {
  const range = CompactRange.empty(sha256)
  for (const hash of leafHashes) range.append(hash)
  return range.root()
}

function onesIn(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}
