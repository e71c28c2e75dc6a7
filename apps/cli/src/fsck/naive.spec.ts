import { buildFieldTree, eventCommitment, sha256 as fastSha256 } from '@careseal/crypto'
import { CompactRange, leafHash, merkleRoot } from '@careseal/merkle'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fieldRootOf } from './naive-fields.js'
import { eventCommitmentOf, GrowingTree, leafHashOf, tileRoot } from './naive.js'

const saltOf = (pointer: string) => fastSha256(new TextEncoder().encode(`salt ${pointer}`))

describe('the formats written apart', () => {
  it('give the same field root as the library, for any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), (value) => {
        const resource = JSON.parse(JSON.stringify(value)) as never
        const expected = buildFieldTree(fastSha256, resource, saltOf).root
        expect(fieldRootOf(resource, saltOf).equals(expected)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('give the same commitment and root of a growing tree', () => {
    const tree = new GrowingTree()
    const range = CompactRange.empty(fastSha256)
    for (let i = 0; i < 700; i++) {
      const entry = Buffer.from(`entry ${i}`)
      tree.append(leafHashOf(entry))
      range.append(leafHash(fastSha256, entry))
      expect(tree.root().equals(range.root())).toBe(true)
    }
    const opening = Buffer.alloc(32, 7)
    const body = Buffer.from('{}')
    expect(eventCommitmentOf(opening, 'RecordRead', body).equals(eventCommitment(opening, 'RecordRead', body))).toBe(
      true,
    )
  })

  it('give the same root of a full tile', () => {
    const hashes = Array.from({ length: 256 }, (_, i) => leafHashOf(Buffer.of(i)))
    expect(tileRoot(hashes).equals(merkleRoot(fastSha256, hashes))).toBe(true)
  })
})
