// Which ranges a proof is made of, and the proofs themselves. RFC 6962 sections 2.1.1 and 2.1.2; subtrees as in
// draft-ietf-plants-merkle-tree-certs section 4. Pure arithmetic apart from `rangeHash`, which reads the tree.
import type { Hash } from './hash.js'

/** The leaves [start, end). */
export type Range = { start: number; end: number }

/** The RFC 6962 root over the leaves [start, end); never called for an empty range. */
export type RangeHash = (start: number, end: number) => Hash | Promise<Hash>

/** The ranges whose roots are an inclusion proof: the leaf's sibling first, the root's child last. */
export function inclusionRanges(index: number, size: number): Range[] {
  checkSizes(index + 1, size)
  const ranges: Range[] = []
  for (let start = 0, end = size; end - start > 1;) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.toReversed()
}

/** The ranges whose roots prove that the tree of `newSize` continues the tree of `oldSize` ≥ 1. */
export function consistencyRanges(oldSize: number, newSize: number): Range[] {
  return subtreeConsistencyRanges({ start: 0, end: oldSize }, newSize)
}

/** The ranges whose roots prove that the subtree [start, end) is part of the tree of `size`. */
export function subtreeConsistencyRanges(subtree: Range, size: number): Range[] {
  if (!isSubtree(subtree.start, subtree.end) || subtree.start === subtree.end) throw new RangeError('not a subtree')
  checkSizes(subtree.end, size)
  const ranges: Range[] = []
  let whole: Range = { start: 0, end: size }
  let part = subtree
  // The verifier knows the subtree's own root; a part of it that is cut off on the way has to be told.
  let known = true
  while (part.start !== whole.start || part.end !== whole.end) {
    const middle = whole.start + splitOf(whole.end - whole.start)
    if (part.end <= middle) {
      ranges.push({ start: middle, end: whole.end })
      whole = { start: whole.start, end: middle }
      continue
    }
    ranges.push({ start: whole.start, end: middle })
    if (part.start < middle) {
      part = { start: middle, end: part.end }
      known = false
    }
    whole = { start: middle, end: whole.end }
  }
  if (!known) ranges.push(part)
  return ranges.toReversed()
}

/** Proves that a leaf stands at `index` of the tree of `size`. */
export function inclusionProof(index: number, size: number, rangeHash: RangeHash): Promise<Hash[]> {
  return hashesOf(inclusionRanges(index, size), rangeHash)
}

/** Proves that the tree of `newSize` continues the tree of `oldSize`, 1 ≤ oldSize ≤ newSize. */
export function consistencyProof(oldSize: number, newSize: number, rangeHash: RangeHash): Promise<Hash[]> {
  return hashesOf(consistencyRanges(oldSize, newSize), rangeHash)
}

/** Proves that the subtree [start, end) is part of the tree of `size`. */
export function subtreeConsistencyProof(subtree: Range, size: number, rangeHash: RangeHash): Promise<Hash[]> {
  return hashesOf(subtreeConsistencyRanges(subtree, size), rangeHash)
}

/**
 * Whether [start, end) is a node's leaves, or what a smaller tree has of them: `start` is a multiple of the smallest
 * power of two that is not below the length. Empty ranges count.
 */
export function isSubtree(start: number, end: number): boolean {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) return false
  if (start === end) return true
  let width = 1
  while (width < end - start) width *= 2
  return start % width === 0
}

/** The one or two subtrees that cover [start, end) with the fewest leaves beside it; the second may be empty. */
export function coveringSubtrees(start: number, end: number): [Range, Range] {
  const rest: Range = { start: end, end }
  if (end - start <= 1) return [{ start, end }, rest]
  const last = end - 1
  let width = 1
  while (Math.floor(start / (2 * width)) !== Math.floor(last / (2 * width))) width *= 2
  const middle = last - (last % width)
  // Now [start, middle) lies in one aligned block of `width`; take the smallest aligned block that still holds it.
  let left = 1
  while (middle - left > start) left *= 2
  return [
    { start: middle - left, end: middle },
    { start: middle, end },
  ]
}

/** The largest power of two below `count`, which is 2 or more: where RFC 6962 splits a range. */
export function splitOf(count: number): number {
  let split = 1
  while (split * 2 < count) split *= 2
  return split
}

async function hashesOf(ranges: readonly Range[], rangeHash: RangeHash): Promise<Hash[]> {
  const hashes: Hash[] = []
  for (const { start, end } of ranges) hashes.push(await rangeHash(start, end))
  return hashes
}

function checkSizes(smaller: number, larger: number): void {
  const ok = Number.isSafeInteger(smaller) && Number.isSafeInteger(larger) && smaller >= 1 && smaller <= larger
  if (!ok) throw new RangeError('index or size outside of the tree')
}
