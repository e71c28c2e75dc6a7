import { sha256, hex, utf8 } from '@careseal/crypto'
import { encodeLeaf, type Leaf, type Run } from '@careseal/ledger-core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf, LEAF_BYTES, leavesOf, packLeaf } from './block-rows.js'

const digest = (text: string) => hex(sha256(utf8(text)))
const leafOf = (producer: string, seq: number): Leaf => ({
  producer,
  seq,
  tag: digest(`t ${producer} ${seq}`),
  commitment: digest(`c ${producer} ${seq}`),
})
const leavesOfRuns = (runs: Run[]) =>
  runs.flatMap(({ producer, fromSeq, count }) => Array.from({ length: count }, (_, i) => leafOf(producer, fromSeq + i)))

const run = fc.record({ fromSeq: fc.integer({ min: 1, max: 99 }), count: fc.integer({ min: 1, max: 9 }) })
const runs = fc
  .array(run, { minLength: 1, maxLength: 4 })
  .map((some) => some.map((one, i) => ({ ...one, producer: `p${i}` })))

const packLeaves = (leaves: Leaf[]) => {
  const packed = Buffer.alloc(leaves.length * LEAF_BYTES)
  for (const [place, leaf] of leaves.entries()) packLeaf(leaf, packed, place * LEAF_BYTES)
  return packed
}

describe('packed leaves', () => {
  it('give back any slice of the leaves that went in', () => {
    fc.assert(
      fc.property(runs, fc.nat(40), fc.nat(40), (some, a, b) => {
        const leaves = leavesOfRuns(some)
        const [from, to] = [Math.min(a, b, leaves.length), Math.min(Math.max(a, b), leaves.length)]
        const packed = packLeaves(leaves).subarray(from * LEAF_BYTES, to * LEAF_BYTES)
        expect([...leavesOf({ runs: some, leaves: packed, firstLeaf: from })]).toEqual(leaves.slice(from, to))
      }),
    )
  })

  it('refuse what is not hexadecimal', () => {
    const leaf = leafOf('records', 1)
    expect(() => packLeaves([{ ...leaf, tag: 'x'.repeat(64) }])).toThrow('not 64 hex digits')
    expect(() => packLeaves([{ ...leaf, commitment: 'ab' }])).toThrow('not 64 hex digits')
    expect(() => packLeaves([{ ...leaf, tag: leaf.tag + 'ab' }])).toThrow('not 64 hex digits')
  })
})

describe('the entries of a row', () => {
  it('are controls, leaves and header at their indexes', () => {
    const some: Run[] = [{ producer: 'records', fromSeq: 4, count: 2 }]
    const leaves = leavesOfRuns(some)
    const [control, header] = [utf8('control'), utf8('header')]
    const row = { height: 3, hash: header, firstIndex: 10, treeSize: 14, runs: some, header, controls: [control] }
    const entries = [...entriesOf({ ...row, leaves: packLeaves(leaves), firstLeaf: 0 })]
    const expected = [control, ...leaves.map(encodeLeaf), header].map((bytes, i) => ({ index: 10 + i, bytes }))
    expect(entries).toEqual(expected)
  })
})
