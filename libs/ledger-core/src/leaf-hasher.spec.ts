import { fromHex, hex, sha256 } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leafEntryHash, type Leaf } from './entry.js'
import { LeafHasher } from './leaf-hasher.js'
import { Malformed } from './malformed.js'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex)
const producer = fc.oneof(
  fc.constantFrom('records', 'consent', 'consent-2', `p${'1'.repeat(62)}`),
  fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4}){0,2}$/),
)
const seq = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
const leaves = fc.array(fc.record({ producer, seq, tag: hash, commitment: hash }), {
  minLength: 1,
  maxLength: 20,
  size: 'max',
})
const packed = ({ tag, commitment }: Leaf) => fromHex(tag + commitment)

describe('a leaf hasher', () => {
  it('gives the hash of the plain spelling, whatever it hashed before', () => {
    const hasher = new LeafHasher(sha256)
    fc.assert(
      fc.property(leaves, fc.nat(70), (some, at) => {
        for (const leaf of some) {
          const bytes = new Uint8Array([...new Uint8Array(at), ...packed(leaf)])
          expect(hex(hasher.hash(leaf, bytes, at))).toBe(hex(leafEntryHash(sha256, leaf)))
        }
      }),
    )
  })

  it('refuses what the plain spelling refuses, and a leaf that is cut off', () => {
    const hasher = new LeafHasher(sha256)
    const bytes = new Uint8Array(64)
    const refusing = (producer: string, seq: number) => () => hasher.hash({ producer, seq }, bytes, 0)
    for (const seq of [0, -1, 1.5, Number.NaN, 2 ** 53]) expect(refusing('records', seq)).toThrow(Malformed)
    for (const name of ['', 'Records', 'a"b', 'p'.repeat(64)]) expect(refusing(name, 1)).toThrow(Malformed)
    for (const at of [-1, 1, 64]) {
      expect(() => hasher.hash({ producer: 'records', seq: 1 }, bytes, at)).toThrow(RangeError)
    }
  })
})
