import { leafHash } from '@careseal/merkle'
import { naiveRoot } from '@careseal/merkle/naive'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hex } from './bytes.js'
import { canonicalBytes, NotCanonical, type JsonValue } from './canonical-json.js'
import { fieldSalts } from './derivation.js'
import { compareUtf8, rootOfFields, type FieldOpening } from './field-tree.js'
import { fieldTree, proveField, verifyField } from './fields.js'
import { sha256 } from './hash.js'

const key = Uint8Array.from({ length: 32 }, (_, i) => i)
const saltOf = fieldSalts(key, { type: 'Observation', id: 'obs-1', version: 'ver-1' })
const json = fc.jsonValue({ stringUnit: 'binary', maxDepth: 4 }) as fc.Arbitrary<JsonValue>

const resource = {
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'a/b~c' },
  component: [{ v: 1.5 }, { v: 0 }, {}],
  tags: [],
  note: null,
  ok: true,
  'é/~': 'ü',
  '\u{1f600}': 1,
  '\uffff': 2,
}

// All (pointer, value) pairs by plain recursion, sorted by their encoded bytes.
function naiveFields(value: JsonValue, path: string[] = []): { pointer: string; value: JsonValue }[] {
  const members = value !== null && typeof value === 'object' ? Object.entries(value) : []
  if (members.length > 0) return members.flatMap(([name, member]) => naiveFields(member, [...path, name]))
  return [{ pointer: path.map((name) => `/${name.replace(/~/g, '~0').replace(/\//g, '~1')}`).join(''), value }]
}

function naiveTreeRoot(value: JsonValue): Uint8Array {
  const fields = naiveFields(value).toSorted((a, b) => Buffer.compare(Buffer.from(a.pointer), Buffer.from(b.pointer)))
  const leaves = fields.map(({ pointer, value }) =>
    leafHash(sha256, canonicalBytes([Buffer.from(saltOf(pointer)).toString('hex'), pointer, value])),
  )
  return naiveRoot(sha256, leaves)
}

describe('the formats that can never change', () => {
  const tree = fieldTree(resource, saltOf)

  test('the root of a resource', () => {
    expect(hex(tree.root)).toBe('546774e0834c705419260a7344ddc5a8c6446f22bf80587c5e126f6c50d005d6')
  })

  test('the leaves, in the order of their pointers as UTF-8', () => {
    expect(tree.leaves.map(({ pointer, value, leafHash }) => [pointer, value, hex(leafHash)])).toEqual([
      ['/code/text', 'a/b~c', '4ce3ff35a0eee7803a253826e0c9960847f3d20d06c90166b31936a20094f145'],
      ['/component/0/v', 1.5, '87af850f63158df5356ef00e15c568fb2de23e22738a049ab919327ba8f36c1d'],
      ['/component/1/v', 0, 'a0c2a83c2b7140d1d985ff684b6183348c5816de80221aabf449d629faa10d05'],
      ['/component/2', {}, 'e9a9360e947a31e17e63867bb80d688bcc0a0d8f7686dae9c6088dc498348cd3'],
      ['/note', null, 'e79a3b67bea3fee1cd2a2b0695a2f34eccb2a1d1dd66b345d127049a24608494'],
      ['/ok', true, '133684a819e64737d4da8abf19b1d9e70a5885c6a3326957cdcc8bbf100283a4'],
      ['/resourceType', 'Observation', 'f318b602d40cf90d40f9ce0ed7d6fcf9d26ee9778ba2cd47185110960780f6f4'],
      ['/status', 'final', 'e20d7113668729f1305b98e969a96c9c1d15d972cc0900aebde77acb95a7bd2c'],
      ['/tags', [], 'f4ee6a6fb2bad285c34afe9c55c66faa5241a98990a651a969ee19d7891b6058'],
      ['/é~1~0', 'ü', 'f1b0a1a63d8b51f8ecdf09d40c50b4db85412471c97073d82cb08c47a3a03983'],
      ['/\uffff', 2, '44ad4cef7960a4ee611fe13f9a6a145a2d07eaead5425ef26d09ccb69c9a8037'],
      ['/\u{1f600}', 1, '0c7d1af9da28add75f1f0c4119447d9a118dc0a478d16f02408842a2ba36ee45'],
    ])
  })
})

describe('a field tree', () => {
  test('has the root of the naive definition', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(fieldTree(value, saltOf).root).toEqual(naiveTreeRoot(value))
      }),
    )
  })

  test('shows any one field, provable without the others', async () => {
    await fc.assert(
      fc.asyncProperty(json, fc.nat(), async (value, choice) => {
        const tree = fieldTree(value, saltOf)
        const leaf = tree.leaves[choice % tree.leaves.length]!
        const proof = await proveField(tree, leaf.pointer)
        expect(verifyField(tree.root, JSON.parse(JSON.stringify(proof)) as typeof proof)).toBe(true)
      }),
    )
  })

  test('tells nothing of the fields that are not shown but hashes', async () => {
    const proof = await proveField(fieldTree({ shown: 1, hidden: 'CANARY' }, saltOf), '/shown')
    expect(Object.keys(proof).toSorted()).toEqual(['index', 'pointer', 'proof', 'salt', 'size', 'value'])
    expect(JSON.stringify(proof)).not.toContain('CANARY')
    expect(JSON.stringify(proof)).not.toContain(hex(saltOf('/hidden')))
  })

  test('proves no other value, pointer, salt, place or root', async () => {
    const tree = fieldTree(resource, saltOf)
    const proof = await proveField(tree, '/status')
    const altered = [
      { ...proof, value: 'amended' },
      { ...proof, pointer: '/note' },
      { ...proof, salt: '0'.repeat(64) },
      { ...proof, salt: 'no salt' },
      { ...proof, index: proof.index - 1 },
      { ...proof, size: proof.size + 5 },
      { ...proof, index: -1 },
      { ...proof, proof: proof.proof.slice(1) },
      { ...proof, proof: proof.proof.map(() => 'zz') },
      { ...proof, value: { not: 'a field' } },
      { ...proof, value: '\ud800' },
    ]
    for (const each of altered) expect(verifyField(tree.root, each)).toBe(false)
    expect(verifyField(sha256(), proof)).toBe(false)
    expect(verifyField(tree.root, proof)).toBe(true)
  })

  test('is rebuilt from all of its openings', () => {
    fc.assert(
      fc.property(json, (value) => {
        const { root, leaves } = fieldTree(value, saltOf)
        const openings: FieldOpening[] = leaves.map(({ pointer, salt, value }) => ({ pointer, salt, value }))
        expect(rootOfFields(sha256, openings)).toEqual(root)
      }),
    )
  })

  test('takes no openings out of order, twice, or none at all', () => {
    const { leaves } = fieldTree(resource, saltOf)
    expect(() => rootOfFields(sha256, leaves.toReversed())).toThrow('order of their pointers')
    expect(() => rootOfFields(sha256, [leaves[0]!, leaves[0]!])).toThrow('order of their pointers')
    expect(() => rootOfFields(sha256, [])).toThrow('at least one field')
  })

  test('of a primitive or an empty container is its one leaf', () => {
    for (const value of [null, 1, '', [], {}]) {
      expect(fieldTree(value, saltOf).leaves.map(({ pointer }) => pointer)).toEqual([''])
    }
  })

  test('changes its root with every field', () => {
    const { root } = fieldTree(resource, saltOf)
    expect(fieldTree({ ...resource, ok: false }, saltOf).root).not.toEqual(root)
    expect(fieldTree({ ...resource, more: 1 }, saltOf).root).not.toEqual(root)
    expect(fieldTree({ ...resource, tags: {} }, saltOf).root).not.toEqual(root)
  })

  test('refuses lone surrogates, in values and in keys, and what is nested too deeply', () => {
    expect(() => fieldTree({ a: '\ud800' }, saltOf)).toThrow(NotCanonical)
    expect(() => fieldTree({ '\ud800': 1 }, saltOf)).toThrow(NotCanonical)
    expect(() => fieldTree(JSON.parse('['.repeat(101) + ']'.repeat(101)) as JsonValue, saltOf)).toThrow(NotCanonical)
  })

  test('has no proof for a field that is not there', async () => {
    await expect(proveField(fieldTree(resource, saltOf), '/absent')).rejects.toThrow('no such field')
  })
})

test('texts are ordered as their UTF-8 bytes are', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '~', '\u00e9', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
  })
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }),
    { numRuns: 1000 },
  )
})
