import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromUtf8, hex, utf8 } from './bytes.js'
import { chunkAad, open, rowAad, seal, SEAL_OVERHEAD_BYTES, SealBroken, unwrapKey, wrapKey } from './seal.js'

const key = Uint8Array.from({ length: 32 }, (_, i) => i)
const nonce = Uint8Array.from({ length: 12 }, (_, i) => 100 + i)
const row = {
  origin: 'example.org/ledger',
  keyId: 'key-1',
  type: 'Observation',
  id: 'obs-1',
  version: 'ver-1',
  schema: 1,
}
const aad = rowAad(row)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe('the formats that can never change', () => {
  test('the AAD of a row', () => {
    const expected = '["careseal/v1/row","example.org/ledger","key-1","Observation","obs-1","ver-1",1]'
    expect(fromUtf8(aad)).toBe(expected)
  })

  test('the AAD of a chunk', () => {
    expect(fromUtf8(chunkAad(row, 2, true))).toBe(
      '["careseal/v1/row","example.org/ledger","key-1","Observation","obs-1","ver-1",1,2,true]',
    )
  })

  test('sealed bytes', () => {
    expect(hex(seal({ key, nonce, plaintext: utf8('plain text'), aad }))).toBe(
      '016465666768696a6b6c6d6e6f158973e4d12104a0d61c78b43fda330352d5d4f2bc1aab678d5e43c72ddf74de' +
        '3644f52896e3de79fffb6b61f6ddd0e2464ed672c3f06ce4e50e',
    )
  })
})

describe('sealed bytes', () => {
  test('open under the key and AAD they were made with', () => {
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.uint8Array(), fc.uint8Array(), (key, nonce, plaintext, aad) => {
        const sealed = seal({ key, nonce, plaintext, aad })
        expect(sealed).toHaveLength(plaintext.length + SEAL_OVERHEAD_BYTES)
        expect(open({ key, sealed, aad })).toEqual(plaintext)
      }),
    )
  })

  test('of one row do not open in the place of another', () => {
    const text = fc.string({ maxLength: 4, unit: 'grapheme-ascii' })
    const rows = fc.record({
      origin: text,
      keyId: text,
      type: text,
      id: text,
      version: text,
      schema: fc.oneof(text, fc.nat()),
    })
    fc.assert(
      fc.property(rows, rows, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        const sealed = seal({ key, nonce, plaintext: utf8('plain text'), aad: rowAad(one) })
        expect(() => open({ key, sealed, aad: rowAad(other) })).toThrow(SealBroken)
      }),
    )
  })

  test('of two rows whose names run into each other are not swapped', () => {
    const sealed = seal({ key, nonce, plaintext: key, aad: rowAad({ ...row, id: 'ab', version: 'c' }) })
    expect(() => open({ key, sealed, aad: rowAad({ ...row, id: 'a', version: 'bc' }) })).toThrow(SealBroken)
  })

  test('of a stream cannot be cut off, swapped or repeated', () => {
    const sealed = seal({ key, nonce, plaintext: key, aad: chunkAad(row, 3, false) })
    expect(open({ key, sealed, aad: chunkAad(row, 3, false) })).toEqual(key)
    for (const other of [chunkAad(row, 3, true), chunkAad(row, 4, false), rowAad(row)]) {
      expect(() => open({ key, sealed, aad: other })).toThrow(SealBroken)
    }
  })

  test('with any bit changed do not open', () => {
    const sealed = seal({ key, nonce, plaintext: utf8('plain text'), aad })
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const altered = sealed.slice()
        altered[bit >> 3]! ^= 1 << (bit & 7)
        expect(() => open({ key, sealed: altered, aad })).toThrow(SealBroken)
      }),
      { numRuns: 500 },
    )
  })

  test('cut short do not open', () => {
    const sealed = seal({ key, nonce, plaintext: utf8('plain text'), aad })
    for (let length = 0; length < sealed.length; length++) {
      expect(() => open({ key, sealed: sealed.subarray(0, length), aad })).toThrow(SealBroken)
    }
  })

  test('do not open under another key', () => {
    fc.assert(
      fc.property(bytes(32), bytes(32), (one, other) => {
        fc.pre(hex(one) !== hex(other))
        const sealed = seal({ key: one, nonce, plaintext: key, aad })
        expect(() => open({ key: other, sealed, aad })).toThrow(SealBroken)
      }),
    )
  })

  test('commit to their key before anything is decrypted', () => {
    // A GCM ciphertext can be made to open under two keys; the commitment of the second would have to be in its place.
    const [one, other] = [key, key.toReversed()]
    const sealed = seal({ key: one, nonce, plaintext: key, aad })
    const spliced = sealed.slice()
    spliced.set(seal({ key: other, nonce, plaintext: key, aad }).subarray(13, 45), 13)
    expect(() => open({ key: one, sealed: spliced, aad })).toThrow(SealBroken)
    expect(() => open({ key: other, sealed: spliced, aad })).toThrow(SealBroken)
  })

  test('need a full key and nonce', () => {
    const good = { key, nonce, plaintext: key, aad }
    expect(() => seal({ ...good, key: key.subarray(1) })).toThrow('32 bytes')
    expect(() => seal({ ...good, nonce: nonce.subarray(1) })).toThrow('12 bytes')
    expect(() => open({ key: key.subarray(1), sealed: seal(good), aad })).toThrow('32 bytes')
  })
})

describe('a wrapped key', () => {
  const root = key.toReversed()

  test('comes back under its root key and name alone', () => {
    const wrapped = wrapKey({ root, nonce, key, aad })
    expect(unwrapKey({ root, wrapped, aad })).toEqual(key)
    expect(() => unwrapKey({ root, wrapped, aad: utf8('another') })).toThrow(SealBroken)
    expect(() => unwrapKey({ root: key, wrapped, aad })).toThrow(SealBroken)
  })

  test('has 32 bytes', () => {
    expect(() => wrapKey({ root, nonce, key: key.subarray(1), aad })).toThrow('32 bytes')
    const sealed = seal({ key: root, nonce, plaintext: utf8('short'), aad })
    expect(() => unwrapKey({ root, wrapped: sealed, aad })).toThrow('not a wrapped key')
  })
})
