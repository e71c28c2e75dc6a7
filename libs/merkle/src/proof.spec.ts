import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash, type Hash } from './hash.js'
import { naiveConsistency, naivePath, naiveRoot, naiveSubtreeConsistency } from './naive.js'
import {
  consistencyProof,
  consistencyRanges,
  coveringSubtrees,
  inclusionProof,
  inclusionRanges,
  isSubtree,
  subtreeConsistencyProof,
} from './proof.js'
import { foldPerfect, perfectSubtrees, rangeHashFrom } from './tiles.js'
import {
  rootsOfConsistencyProof,
  verifyConsistency,
  verifyInclusion,
  verifySubtreeConsistency,
  verifySubtreeInclusion,
} from './verify.js'

function sha256(...chunks: Uint8Array[]): Hash {
  const running = createHash('sha256')
  for (const chunk of chunks) running.update(chunk)
  return new Uint8Array(running.digest())
}

const LEAVES = 70
const leaves = Array.from({ length: LEAVES }, (_, i) => leafHash(sha256, Uint8Array.of(i)))
const roots = Array.from({ length: LEAVES + 1 }, (_, size) => naiveRoot(sha256, leaves.slice(0, size)))

function rangeHash(start: number, end: number): Hash {
  return naiveRoot(sha256, leaves.slice(start, end))
}

/** A proof with one hash more, one less, and each of them altered. */
function spoiled(proof: Hash[]): Hash[][] {
  const without = proof.length === 0 ? [] : [proof.slice(1), proof.slice(0, -1)]
  return [...without, [...proof, leaves[0]!], ...proof.map((hash, i) => proof.with(i, sha256(hash)))]
}

/** A tree size from 1, and a smaller number from 0. */
const sized = fc.integer({ min: 1, max: LEAVES }).chain((size) => fc.tuple(fc.constant(size), fc.nat(size - 1)))

describe('inclusion proofs', () => {
  test('are those of the RFC recursion, and verify, at every size and index', async () => {
    for (let size = 1; size <= LEAVES; size++) {
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(index, size, rangeHash)
        expect(proof).toEqual(naivePath(sha256, index, leaves.slice(0, size)))
        const inclusion = { index, size, leafHash: leaves[index]!, proof, root: roots[size]! }
        expect(verifyInclusion(sha256, inclusion)).toBe(true)
      }
    }
  })

  test('fail for another leaf, place, size, root, or with a hash more, less or altered', async () => {
    await fc.assert(
      fc.asyncProperty(sized, fc.nat(), async ([size, index], choice) => {
        const proof = await inclusionProof(index, size, rangeHash)
        const good = { index, size, leafHash: leaves[index]!, proof, root: roots[size]! }
        const other = (index + 1 + (choice % (LEAVES - 1))) % LEAVES
        expect(verifyInclusion(sha256, { ...good, index: other })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, index: size })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, leafHash: leaves[other]! })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, root: sha256(good.root) })).toBe(false)
        for (const proof of spoiled(good.proof)) expect(verifyInclusion(sha256, { ...good, proof })).toBe(false)
      }),
    )
  })

  test('of malformed input are false, never an exception', () => {
    const good = { index: 0, size: 1, leafHash: leaves[0]!, proof: [], root: leaves[0]! }
    expect(verifyInclusion(sha256, good)).toBe(true)
    expect(verifyInclusion(sha256, { ...good, size: 1n, index: 0n })).toBe(true)
    for (const bad of [-1, 0.5, Number.NaN, 2 ** 53, 1n << 64n, -1n]) {
      expect(verifyInclusion(sha256, { ...good, index: bad })).toBe(false)
      expect(verifyInclusion(sha256, { ...good, size: bad })).toBe(false)
    }
    expect(verifyInclusion(sha256, { ...good, size: 2, proof: [new Uint8Array(31)] })).toBe(false)
    expect(verifyInclusion(sha256, { ...good, leafHash: new Uint8Array(0) })).toBe(false)
  })

  test('are refused for an index outside of the tree', () => {
    for (const [index, size] of [
      [1, 1],
      [-1, 1],
      [0, 0],
      [0.5, 2],
    ]) {
      expect(() => inclusionRanges(index!, size!)).toThrow('outside of the tree')
    }
  })
})

describe('consistency proofs', () => {
  test('are those of the RFC recursion, and verify, for every two sizes', async () => {
    for (let newSize = 1; newSize <= LEAVES; newSize++) {
      for (let oldSize = 1; oldSize <= newSize; oldSize++) {
        const proof = await consistencyProof(oldSize, newSize, rangeHash)
        expect(proof).toEqual(naiveConsistency(sha256, oldSize, leaves.slice(0, newSize)))
        const given = { oldSize, newSize, oldRoot: roots[oldSize]!, newRoot: roots[newSize]!, proof }
        expect(verifyConsistency(sha256, given)).toBe(true)
      }
    }
  })

  test('fail for other roots and sizes, and with a hash more, less or altered', async () => {
    await fc.assert(
      fc.asyncProperty(sized, async ([newSize, before]) => {
        const oldSize = before + 1
        const proof = await consistencyProof(oldSize, newSize, rangeHash)
        const good = { oldSize, newSize, oldRoot: roots[oldSize]!, newRoot: roots[newSize]!, proof }
        expect(verifyConsistency(sha256, { ...good, oldRoot: sha256(good.oldRoot) })).toBe(false)
        expect(verifyConsistency(sha256, { ...good, newRoot: sha256(good.newRoot) })).toBe(false)
        expect(verifyConsistency(sha256, { ...good, oldSize: newSize + 1 })).toBe(false)
        expect(verifyConsistency(sha256, { ...good, oldSize: 0 })).toBe(false)
        for (const proof of spoiled(good.proof)) expect(verifyConsistency(sha256, { ...good, proof })).toBe(false)
      }),
    )
  })

  test('make both roots by themselves, but the older one where its size is a power of two', async () => {
    for (let newSize = 2; newSize <= LEAVES; newSize++) {
      for (let oldSize = 1; oldSize < newSize; oldSize++) {
        const proof = await consistencyProof(oldSize, newSize, rangeHash)
        const isPower = (oldSize & (oldSize - 1)) === 0
        const expected = isPower ? null : { oldRoot: roots[oldSize]!, newRoot: roots[newSize]! }
        expect(rootsOfConsistencyProof(sha256, { oldSize, newSize, proof })).toEqual(expected)
      }
    }
    expect(rootsOfConsistencyProof(sha256, { oldSize: 3, newSize: 7, proof: [] })).toBe(null)
    expect(rootsOfConsistencyProof(sha256, { oldSize: 7, newSize: 7, proof: [roots[1]!] })).toBe(null)
    expect(rootsOfConsistencyProof(sha256, { oldSize: 0, newSize: 7, proof: [roots[1]!] })).toBe(null)
  })

  test('are refused from an empty tree, and backwards', () => {
    expect(() => consistencyRanges(0, 5)).toThrow('not a subtree')
    expect(() => consistencyRanges(6, 5)).toThrow('outside of the tree')
  })
})

describe('subtrees', () => {
  const subtrees = Array.from({ length: LEAVES }, (_, start) => start).flatMap((start) =>
    Array.from({ length: LEAVES - start }, (_, i) => ({ start, end: start + i + 1 })).filter((each) =>
      isSubtree(each.start, each.end),
    ),
  )

  test('are a start that is a multiple of the next power of two', () => {
    expect(isSubtree(8, 13)).toBe(true)
    expect(isSubtree(4, 9)).toBe(false)
    expect(isSubtree(0, 7)).toBe(true)
    expect(isSubtree(5, 5)).toBe(true)
    expect(isSubtree(5, 4)).toBe(false)
    expect(isSubtree(-1, 4)).toBe(false)
  })

  test('are provably part of every later tree, as by the draft', async () => {
    for (const { start, end } of subtrees) {
      for (const size of [end, end + 1, LEAVES].filter((each) => each <= LEAVES)) {
        const proof = await subtreeConsistencyProof({ start, end }, size, rangeHash)
        expect(proof).toEqual(naiveSubtreeConsistency(sha256, start, end, leaves.slice(0, size)))
        const given = { start, end, size, subtreeRoot: rangeHash(start, end), root: roots[size]!, proof }
        expect(verifySubtreeConsistency(sha256, given)).toBe(true)
        expect(verifySubtreeConsistency(sha256, { ...given, subtreeRoot: sha256(given.subtreeRoot) })).toBe(false)
        expect(verifySubtreeConsistency(sha256, { ...given, root: sha256(given.root) })).toBe(false)
      }
    }
  })

  test('hold their leaves at indexes of the whole tree', async () => {
    for (const { start, end } of subtrees) {
      const index = start + Math.floor((end - start) / 2)
      const proof = await inclusionProof(index - start, end - start, (a, b) => rangeHash(start + a, start + b))
      const given = { start, end, index, leafHash: leaves[index]!, proof, root: rangeHash(start, end) }
      expect(verifySubtreeInclusion(sha256, given)).toBe(true)
      expect(verifySubtreeInclusion(sha256, { ...given, index: end })).toBe(false)
      expect(verifySubtreeInclusion(sha256, { ...given, index: start - 1 })).toBe(false)
    }
  })

  test('cover any range by two at most', () => {
    for (let start = 0; start < LEAVES; start++) {
      for (let end = start; end <= LEAVES; end++) {
        const [left, right] = coveringSubtrees(start, end)
        expect(isSubtree(left.start, left.end)).toBe(true)
        expect(isSubtree(right.start, right.end)).toBe(true)
        expect([left.end, right.end]).toEqual([right.start, end])
        expect(left.start).toBeLessThanOrEqual(start)
      }
    }
  })

  test('fold from perfect subtrees', async () => {
    const nodeAt = (level: number, index: number) =>
      foldPerfect(sha256, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
    const folded = rangeHashFrom(sha256, nodeAt)
    for (const { start, end } of subtrees) expect(await folded(start, end)).toEqual(rangeHash(start, end))
    expect(perfectSubtrees(8, 13)).toEqual([
      { level: 2, index: 2 },
      { level: 0, index: 12 },
    ])
  })
})
