// Proof verification. RFC 9162 sections 2.1.3.2 and 2.1.4.2; subtrees as in draft-ietf-plants-merkle-tree-certs section 4.
// Nothing that comes from outside makes these throw: what is malformed is false. Sizes may go up to 2^64 − 1.
import { emptyRoot, equalHashes, HASH_BYTES, nodeHash, type Hash, type Sha256 } from './hash.js'

export type Count = number | bigint

export type Inclusion = { index: Count; size: Count; leafHash: Hash; proof: readonly Hash[]; root: Hash }
export type Consistency = { oldSize: Count; newSize: Count; oldRoot: Hash; newRoot: Hash; proof: readonly Hash[] }
export type SubtreeInclusion = { start: Count; end: Count; index: Count } & Omit<Inclusion, 'index' | 'size'>
export type SubtreeConsistency = {
  start: Count
  end: Count
  size: Count
  subtreeRoot: Hash
  root: Hash
  proof: readonly Hash[]
}

const COUNT_MAX = (1n << 64n) - 1n

/** Whether the leaf stands at `index` of the tree with this size and root. */
export function verifyInclusion(sha256: Sha256, { index, size, leafHash, proof, root }: Inclusion): boolean {
  const [at, count] = [toCount(index), toCount(size)]
  if (at === null || count === null || at >= count || !allHashes([leafHash, root, ...proof])) return false
  const computed = climb(sha256, { at, last: count - 1n }, leafHash, proof)
  return computed !== null && equalHashes(computed, root)
}

function climb(sha256: Sha256, { at, last }: { at: bigint; last: bigint }, leafHash: Hash, proof: readonly Hash[]) {
  let hash = leafHash
  for (const sibling of proof) {
    if (last === 0n) return null
    if (isOdd(at) || at === last) {
      hash = nodeHash(sha256, sibling, hash)
      for (; at !== 0n && !isOdd(at); last >>= 1n) at >>= 1n
    } else {
      hash = nodeHash(sha256, hash, sibling)
    }
    at >>= 1n
    last >>= 1n
  }
  return last === 0n ? hash : null
}

/**
 * Whether the newer tree continues the older one: the same leaves first, nothing changed, only more.
 *
 * An `oldSize` of 0 proves nothing and is false; callers decide what an empty tree means to them.
 */
export function verifyConsistency(sha256: Sha256, given: Consistency): boolean {
  const { oldSize, newSize, oldRoot, newRoot, proof } = given
  if ((toCount(oldSize) ?? 0n) === 0n) return false
  return verifySubtreeConsistency(sha256, {
    start: 0n,
    end: oldSize,
    size: newSize,
    subtreeRoot: oldRoot,
    root: newRoot,
    proof,
  })
}

/**
 * The two roots that a consistency proof makes by itself, whatever anybody says that they are; null when it makes none.
 *
 * Where `oldSize` is a power of two the older root is no part of the proof, so there it is always null.
 */
export function rootsOfConsistencyProof(
  sha256: Sha256,
  { oldSize, newSize, proof }: Pick<Consistency, 'oldSize' | 'newSize' | 'proof'>,
): { oldRoot: Hash; newRoot: Hash } | null {
  const [end, size] = [toCount(oldSize), toCount(newSize)]
  if (end === null || size === null || end === 0n || end >= size || !allHashes(proof)) return null
  const way = { first: 0n, last: end - 1n, treeLast: size - 1n }
  skipSharedLevels(way)
  const seed = way.first === way.last ? undefined : proof[0]
  const roots = seed && climbTwice(sha256, way, seed, proof.slice(1))
  return roots ? { oldRoot: roots.subtree, newRoot: roots.tree } : null
}

/** Whether the leaf stands at `index`, counted in the whole tree, of the subtree [start, end) with this root. */
export function verifySubtreeInclusion(sha256: Sha256, given: SubtreeInclusion): boolean {
  const [start, end, index] = [toCount(given.start), toCount(given.end), toCount(given.index)]
  if (start === null || end === null || index === null) return false
  if (!isSubtreeCount(start, end) || index < start) return false
  const { leafHash, proof, root } = given
  return verifyInclusion(sha256, { index: index - start, size: end - start, leafHash, proof, root })
}

/**
 * Whether the subtree [start, end) is part of the tree with this size and root.
 *
 * An empty subtree is part of every tree: then `root` is not looked at.
 */
export function verifySubtreeConsistency(sha256: Sha256, given: SubtreeConsistency): boolean {
  const [start, end, size] = [toCount(given.start), toCount(given.end), toCount(given.size)]
  if (start === null || end === null || size === null) return false
  if (end > size || !isSubtreeCount(start, end) || !allHashes(given.proof)) return false
  if (start === end) return given.proof.length === 0 && equalHashes(given.subtreeRoot, emptyRoot(sha256))
  const way = { first: start, last: end - 1n, treeLast: size - 1n }
  skipSharedLevels(way)
  const seeded = way.first !== way.last
  const seed = seeded ? given.proof[0] : given.subtreeRoot
  if (seed === undefined) return false
  const roots = climbTwice(sha256, way, seed, given.proof.slice(seeded ? 1 : 0))
  return roots !== null && equalHashes(roots.subtree, given.subtreeRoot) && equalHashes(roots.tree, given.root)
}

type Way = { first: bigint; last: bigint; treeLast: bigint }

function skipSharedLevels(way: Way): void {
  // Both numbers shift alike, so they stay equal if they are.
  while (way.first !== way.last && (way.last === way.treeLast || isOdd(way.last))) shift(way)
}

function climbTwice(sha256: Sha256, way: Way, seed: Hash, proof: readonly Hash[]) {
  // A root that nothing is hashed with is compared as it is, whatever its length.
  if (proof.length > 0 && !allHashes([seed])) return null
  let [subtree, tree] = [seed, seed]
  for (const sibling of proof) {
    if (way.treeLast === 0n) return null
    if (isOdd(way.last) || way.last === way.treeLast) {
      if (way.first < way.last) subtree = nodeHash(sha256, sibling, subtree)
      tree = nodeHash(sha256, sibling, tree)
      while (way.last !== 0n && !isOdd(way.last)) shift(way)
    } else {
      tree = nodeHash(sha256, tree, sibling)
    }
    shift(way)
  }
  return way.treeLast === 0n ? { subtree, tree } : null
}

function shift(way: Way): void {
  way.first >>= 1n
  way.last >>= 1n
  way.treeLast >>= 1n
}

function isSubtreeCount(start: bigint, end: bigint): boolean {
  if (end < start) return false
  let width = 1n
  while (width < end - start) width <<= 1n
  return start % width === 0n
}

function toCount(count: Count): bigint | null {
  if (typeof count === 'number' && !Number.isSafeInteger(count)) return null
  const big = BigInt(count)
  return big >= 0n && big <= COUNT_MAX ? big : null
}

function allHashes(hashes: readonly Hash[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES)
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n
}
