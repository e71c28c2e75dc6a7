import { fromUtf8, hex, utf8 } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeLeaf } from './entry.js'
import { encodeEntry, parseEntry } from './entry-parse.js'
import { LeafReader, type LeafPlace } from './leaf-reader.js'

const hash = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(hex)
const producer = fc.oneof(
  fc.constantFrom('records', 'record', 'consent', 'consent-2', `p${'1'.repeat(62)}`),
  fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,4}){0,2}$/),
)
const seq = fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))
const leaf = fc.record({ producer, seq, tag: hash, commitment: hash })

/** The naive oracle: what the plain reader says. */
function plainly(bytes: Uint8Array): LeafPlace | null {
  try {
    const entry = parseEntry(bytes)
    return 'leaf' in entry ? { producer: entry.leaf.producer, seq: entry.leaf.seq } : null
  } catch {
    return null
  }
}

// One reader for all of a property: what it remembers of a leaf must not change how it reads the next.
describe('a leaf reader', () => {
  it('reads every leaf', () => {
    const reader = new LeafReader()
    fc.assert(
      fc.property(leaf, (each) => {
        expect(reader.read(encodeLeaf(each))).toEqual({ producer: each.producer, seq: each.seq })
      }),
    )
  })

  it('says what the plain reader says of a leaf with something changed, cut out or put in', () => {
    const reader = new LeafReader()
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 3 }),
      fc.constantFrom('0', '1', 'F', 'f', '"', ',', ' ', '-').map(utf8),
    )
    fc.assert(
      fc.property(leaf, fc.nat(260), fc.nat(2), piece, (each, at, cut, put) => {
        const whole = [...encodeLeaf(each)]
        whole.splice(Math.min(at, whole.length), cut, ...put)
        const bytes = Uint8Array.from(whole)
        expect(reader.read(bytes)).toEqual(plainly(bytes))
      }),
      { numRuns: 5000 },
    )
  })

  it.each([
    ['a leading zero', (text: string) => text.replace('"seq":7', '"seq":07')],
    ['seq 0', (text: string) => text.replace('"seq":7', '"seq":0')],
    ['no seq', (text: string) => text.replace('"seq":7', '"seq":')],
    ['a seq of 2^53', (text: string) => text.replace('"seq":7', '"seq":9007199254740992')],
    ['a seq of 17 digits', (text: string) => text.replace('"seq":7', '"seq":10000000000000000')],
    ['a fraction', (text: string) => text.replace('"seq":7', '"seq":7.0')],
    ['another version', (text: string) => text.replace('"v":1', '"v":2')],
    ['white space', (text: string) => text.replace('{"leaf"', '{ "leaf"')],
    ['an end that goes on', (text: string) => `${text} `],
    ['an empty producer', (text: string) => text.replace('"records"', '""')],
    ['a producer in capitals', (text: string) => text.replace('"records"', '"Records"')],
    ['no closing quote', (text: string) => text.slice(0, 100)],
  ])('refuses %s, as the plain reader does', (_case, change) => {
    const text = fromUtf8(
      encodeLeaf({ producer: 'records', seq: 7, tag: 'ab'.repeat(32), commitment: 'cd'.repeat(32) }),
    )
    const bytes = utf8(change(text))
    expect(plainly(bytes)).toBeNull()
    expect(new LeafReader().read(bytes)).toBeNull()
  })

  it('leaves other entries to others', () => {
    const admin = { type: 'note', data: null, approvals: [] }
    expect(new LeafReader().read(encodeEntry({ admin }))).toBeNull()
    expect(new LeafReader().read(new Uint8Array(0))).toBeNull()
  })
})
