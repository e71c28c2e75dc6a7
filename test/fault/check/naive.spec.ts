import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeLeaf } from '@careseal/ledger-core'
import { leafHash, merkleRoot } from '@careseal/merkle'
import { entryHash, leafEntry, NaiveTree, sha256 } from './naive.js'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const digits = fc.stringMatching(/^[0-9a-f]{64}$/)

describe('the naive ledger formats', () => {
  it('agree with the product on every root', () => {
    const property = fc.property(fc.array(digits, { maxLength: 70 }), fc.nat(70), (hashes, asked) => {
      const size = Math.min(asked, hashes.length)
      const expected = merkleRoot(
        sha256,
        hashes.slice(0, size).map((one) => Buffer.from(one, 'hex')),
      )
      expect(new NaiveTree(hashes).rootAt(size)).toBe(hex(expected))
    })
    fc.assert(property)
  })

  it('agree with the product on leaves', () => {
    const producer = fc.stringMatching(/^[a-z]{1,9}$/)
    const leaf = fc.record({ producer, seq: fc.integer({ min: 1, max: 1e9 }), tag: digits, commitment: digits })
    const property = fc.property(leaf, (one) => {
      expect(hex(leafEntry(one))).toBe(hex(encodeLeaf(one)))
      expect(hex(entryHash(leafEntry(one)))).toBe(hex(leafHash(sha256, encodeLeaf(one))))
    })
    fc.assert(property)
  })
})
