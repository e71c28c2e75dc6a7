import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CompactRange, merkleRoot } from './compact-range.js'
import { emptyRoot, leafHash, nodeHash, type Hash } from './hash.js'
import { naiveRoot } from './naive.js'

function sha256(...chunks: Uint8Array[]): Hash {
  const running = createHash('sha256')
  for (const chunk of chunks) running.update(chunk)
  return new Uint8Array(running.digest())
}

function hex(hash: Hash): string {
  return Buffer.from(hash).toString('hex')
}

const leaves = Array.from({ length: 300 }, (_, i) => leafHash(sha256, Buffer.from(`leaf ${i}`)))
const size = fc.nat(leaves.length)

function grown(to: number): CompactRange {
  const range = CompactRange.empty(sha256)
  for (const leaf of leaves.slice(0, to)) range.append(leaf)
  return range
}

describe('the formats that can never change', () => {
  test('the hash of an empty tree, a leaf and a node', () => {
    expect(hex(emptyRoot(sha256))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(hex(leafHash(sha256, new Uint8Array(0)))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    )
    expect(hex(nodeHash(sha256, leaves[0]!, leaves[1]!))).toBe(
      'fc5f6b88ff8554f75bb2f9e6f39c31b1936d44b69276edf7b1205a955b9761e3',
    )
  })

  test.each([
    [1, '1bb97dcc21635d47e2663efdfd0a174686d98dd701352dd2cd06e8b43fd3d305'],
    [2, 'fc5f6b88ff8554f75bb2f9e6f39c31b1936d44b69276edf7b1205a955b9761e3'],
    [7, '5a61fc2b54f9cfa71774f2432143dd40c6cb2b11947faf65a7d3da5cb65199c8'],
    [256, 'cf5effdb11d0927a2edf53b0e73c7837f659414e00537da5d90eb5c4c49ff274'],
    [300, 'e7afc82d38944fc7930545328091d45823288c1f734cbdac06396713ebd4b5d5'],
  ])('the root of the first %i leaves', (to, root) => {
    expect(hex(grown(to).root())).toBe(root)
  })
})

describe('a compact range', () => {
  test('has the root of the RFC recursion at every size', () => {
    for (let to = 0; to <= 130; to++) expect(grown(to).root()).toEqual(naiveRoot(sha256, leaves.slice(0, to)))
    expect(merkleRoot(sha256, leaves)).toEqual(naiveRoot(sha256, leaves))
  })

  test('goes on from what was stored as if it had never stopped', () => {
    fc.assert(
      fc.property(size, size, (a, b) => {
        const [first, then] = [Math.min(a, b), Math.max(a, b)]
        const stored = grown(first)
        const range = CompactRange.from(sha256, BigInt(stored.size), stored.hashes)
        for (const leaf of leaves.slice(first, then)) range.append(leaf)
        expect(range.root()).toEqual(naiveRoot(sha256, leaves.slice(0, then)))
        expect(range.hashes).toEqual(grown(then).hashes)
      }),
    )
  })

  test('tells of every perfect subtree once, when it is complete', () => {
    const told = new Map<string, Hash>()
    const range = CompactRange.empty(sha256)
    for (const leaf of leaves) {
      range.append(leaf, (level, index, hash) => {
        expect(told.has(`${level}/${index}`)).toBe(false)
        expect((index + 1) * 2 ** level).toBe(range.size + 1)
        told.set(`${level}/${index}`, hash)
      })
    }
    let perfect = 0
    for (let level = 0; 2 ** level <= leaves.length; level++) {
      for (let index = 0; (index + 1) * 2 ** level <= leaves.length; index++, perfect++) {
        const expected = naiveRoot(sha256, leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
        expect(told.get(`${level}/${index}`)).toEqual(expected)
      }
    }
    expect(told.size).toBe(perfect)
  })

  test('that was cloned grows alone, and hands out no array of its own', () => {
    const range = grown(5)
    const root = range.root()
    range.clone().append(leaves[5]!)
    range.hashes.pop()
    expect(range.root()).toEqual(root)
    expect(range.size).toBe(5)
  })

  test('counts beyond 2^32', () => {
    const count = 2 ** 40 + 1
    const range = CompactRange.from(sha256, count, [leaves[0]!, leaves[1]!])
    range.append(leaves[2]!)
    expect(range.size).toBe(count + 1)
    expect(range.hashes).toEqual([leaves[0], nodeHash(sha256, leaves[1]!, leaves[2]!)])
  })

  test('is refused when size and hashes cannot belong together', () => {
    expect(() => CompactRange.from(sha256, 3, [leaves[0]!])).toThrow('does not fit')
    expect(() => CompactRange.from(sha256, 1, [leaves[0]!.subarray(1)])).toThrow('short hash')
    for (const bad of [-1, 1.5, 2 ** 53, 2n ** 64n]) {
      expect(() => CompactRange.from(sha256, bad, [leaves[0]!])).toThrow('out of range')
    }
  })

  test('takes no leaf hash of another length', () => {
    expect(() => grown(1).append(new Uint8Array(31))).toThrow('32 bytes')
  })
})
