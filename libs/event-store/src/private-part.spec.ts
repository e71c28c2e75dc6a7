import { canonicalBytes, contentCommitment, hex, type SubjectKey } from '@careseal/crypto'
import * as fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { commitPrivate, openPart, readPrivate, sealPart } from './private-part.js'

const key: SubjectKey = { subjectId: 's', keyId: 'k', keyVersion: 1, key: new Uint8Array(32).fill(3) }
const place = { origin: 'o', type: 'RecordRead', id: 'i', schema: 1, part: 'private' as const }
const bytes = new Uint8Array([1, 2, 3])

describe('a sealed part', () => {
  it('opens in its own place', () => {
    expect([...openPart(key, place, sealPart(key, place, bytes, randomBytes))]).toEqual([1, 2, 3])
  })

  it.each([
    ['log', { origin: 'p' }],
    ['type', { type: 'RecordDeleted' }],
    ['event', { id: 'j' }],
    ['schema version', { schema: 2 }],
    ['column', { part: 'opening' as const }],
  ])('does not open in another %s', (_name, change) => {
    const sealed = sealPart(key, place, bytes, randomBytes)
    expect(() => openPart(key, { ...place, ...change }, sealed)).toThrow(/does not open/)
  })

  it.each([
    ['key', { key: new Uint8Array(32).fill(4) }],
    ['key version', { keyVersion: 2 }],
    ['key id', { keyId: 'l' }],
  ])('does not open under another %s', (_name, change) => {
    const sealed = sealPart(key, place, bytes, randomBytes)
    expect(() => openPart({ ...key, ...change }, place, sealed)).toThrow(/does not open/)
  })
})

describe('a private value', () => {
  it('comes back as it was, with the opening of its commitment', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (json) => {
        const value = JSON.parse(JSON.stringify(json)) as never
        const { bytes: inside, commitment } = commitPrivate(value, randomBytes)
        const read = readPrivate(inside)
        expect(read.value).toEqual(value)
        expect(hex(contentCommitment(read.opening, canonicalBytes(value)))).toBe(hex(commitment))
      }),
    )
  })

  it('has another commitment each time, so equal values do not look equal', () => {
    const commitments = Array.from({ length: 20 }, () => hex(commitPrivate('same', randomBytes).commitment))
    expect(new Set(commitments).size).toBe(20)
  })
})
