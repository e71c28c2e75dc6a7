import { sha256 } from '@careseal/crypto'
import { consistencyProof, merkleRoot, type Hash } from '@careseal/merkle'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeSwap, nothingKnown, type KnownTree } from './tree-swap.js'

const leaves = (count: number, salt = 0): Hash[] =>
  Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i, salt)))
const rootOf = (hashes: Hash[]) => merkleRoot(sha256, hashes)

async function grow(from: KnownTree, hashes: Hash[]) {
  const size = hashes.length
  const root = rootOf(hashes)
  const rangeHash = (start: number, end: number) => rootOf(hashes.slice(start, end))
  const proof = from.size === 0 || from.size > size ? [] : await consistencyProof(from.size, size, rangeHash)
  return judgeSwap(sha256, from, { oldSize: from.size, size, root, proof })
}

describe('the rules of a swap', () => {
  it('accept every tree that continues the signed one', async () => {
    const sizes = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 60 }))
    await fc.assert(
      fc.asyncProperty(sizes, async ([old, more]) => {
        const signed = old === 0 ? nothingKnown(sha256) : { size: old, root: rootOf(leaves(old)) }
        const size = old + more
        expect(await grow(signed, leaves(size))).toEqual({ accepted: { size, root: rootOf(leaves(size)) } })
      }),
    )
  })

  it('refuse every tree in which a signed leaf differs, and every smaller one', async () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 20 }), fc.nat())
    await fc.assert(
      fc.asyncProperty(sizes, async ([old, more, where]) => {
        const signed = { size: old, root: rootOf(leaves(old)) }
        const forked = leaves(old + more).with(where % old, sha256(Uint8Array.of(255, 255)))
        expect(await grow(signed, forked)).toHaveProperty('refused')
        expect(await grow(signed, leaves(old - 1))).toHaveProperty('refused')
      }),
    )
  })

  it('answer a wrong old size with the size that was signed', () => {
    const signed = { size: 5, root: rootOf(leaves(5)) }
    const request = { oldSize: 3, size: 6, root: rootOf(leaves(6)), proof: [] }
    expect(judgeSwap(sha256, signed, request)).toEqual({ conflict: 5 })
  })

  it('sign the same tree again, but not another of the same size', () => {
    const signed = { size: 5, root: rootOf(leaves(5)) }
    expect(judgeSwap(sha256, signed, { oldSize: 5, ...signed, proof: [] })).toEqual({ accepted: signed })
    const other = { oldSize: 5, size: 5, root: rootOf(leaves(5, 1)), proof: [] }
    expect(judgeSwap(sha256, signed, other)).toEqual({ refused: 'fork' })
  })

  it('take an empty tree for what it is: only one has its size', () => {
    const nothing = nothingKnown(sha256)
    expect(judgeSwap(sha256, nothing, { oldSize: 0, ...nothing, proof: [] })).toEqual({ accepted: nothing })
    const other = { oldSize: 0, size: 0, root: rootOf(leaves(1)), proof: [] }
    expect(judgeSwap(sha256, nothing, other)).toEqual({ refused: 'empty-tree-has-root' })
  })

  it('tell an old size beyond 2^53 from every size there is', () => {
    const signed = { size: 5, root: rootOf(leaves(5)) }
    const request = { oldSize: (1n << 53n) + 1n, size: 2 ** 53 - 1, root: signed.root, proof: [] }
    expect(judgeSwap(sha256, signed, request)).toEqual({ refused: 'old-size-beyond-size' })
  })
})
