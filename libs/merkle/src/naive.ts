// The definitions of RFC 6962 section 2.1 and of the subtree draft, letter by letter and slow: the oracle of the tests.
import { emptyRoot, nodeHash, type Hash, type Sha256 } from './hash.js'

/** MTH(D[0:n]) over leaf hashes. */
export function naiveRoot(sha256: Sha256, leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return emptyRoot(sha256)
  if (leaves.length === 1) return leaves[0] as Hash
  const k = naiveSplit(leaves.length)
  return nodeHash(sha256, naiveRoot(sha256, leaves.slice(0, k)), naiveRoot(sha256, leaves.slice(k)))
}

/** PATH(m, D[n]). */
export function naivePath(sha256: Sha256, m: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length === 1) return []
  const k = naiveSplit(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  if (m < k) return [...naivePath(sha256, m, left), naiveRoot(sha256, right)]
  return [...naivePath(sha256, m - k, right), naiveRoot(sha256, left)]
}

/** PROOF(m, D[n]). */
export function naiveConsistency(sha256: Sha256, m: number, leaves: readonly Hash[]): Hash[] {
  return subproof(sha256, m, leaves, true)
}

function subproof(sha256: Sha256, m: number, leaves: readonly Hash[], complete: boolean): Hash[] {
  if (m === leaves.length) return complete ? [] : [naiveRoot(sha256, leaves)]
  const k = naiveSplit(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  if (m <= k) return [...subproof(sha256, m, left, complete), naiveRoot(sha256, right)]
  return [...subproof(sha256, m - k, right, false), naiveRoot(sha256, left)]
}

/** SUBTREE_PROOF(start, end, D[n]). */
export function naiveSubtreeConsistency(sha256: Sha256, start: number, end: number, leaves: readonly Hash[]): Hash[] {
  return subtreeSubproof(sha256, { start, end }, leaves, true)
}

function subtreeSubproof(
  sha256: Sha256,
  { start, end }: { start: number; end: number },
  leaves: readonly Hash[],
  complete: boolean,
): Hash[] {
  if (start === 0 && end === leaves.length) return complete ? [] : [naiveRoot(sha256, leaves)]
  const k = naiveSplit(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  if (end <= k) return [...subtreeSubproof(sha256, { start, end }, left, complete), naiveRoot(sha256, right)]
  const leftRoot = naiveRoot(sha256, left)
  if (start >= k) {
    return [...subtreeSubproof(sha256, { start: start - k, end: end - k }, right, complete), leftRoot]
  }
  return [...subtreeSubproof(sha256, { start: 0, end: end - k }, right, false), leftRoot]
}

function naiveSplit(count: number): number {
  return 2 ** Math.ceil(Math.log2(count) - 1)
}
