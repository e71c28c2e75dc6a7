import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { base64, fromBase64, fromHex, fromUtf8, hex, NotDecodable, u32, u64, utf8 } from './bytes.js'

const bytes = () => fc.uint8Array({ maxLength: 100, size: 'max' })

describe('hexadecimal', () => {
  test('is what Buffer writes, and reads back', () => {
    fc.assert(
      fc.property(bytes(), (each) => {
        expect(hex(each)).toBe(Buffer.from(each).toString('hex'))
        expect(fromHex(hex(each))).toEqual(each)
      }),
    )
  })

  test.each(['0', 'AB', '0g', ' 0', '0x', '\u0660\u0661'])('refuses %j', (text) => {
    expect(() => fromHex(text)).toThrow(NotDecodable)
  })

  test('of another length than asked for is refused', () => {
    expect(() => fromHex('00'.repeat(31), 32)).toThrow(NotDecodable)
  })
})

describe('base64', () => {
  test('is what Buffer writes, and reads back', () => {
    fc.assert(
      fc.property(bytes(), (each) => {
        expect(base64(each)).toBe(Buffer.from(each).toString('base64'))
        expect(fromBase64(base64(each))).toEqual(each)
      }),
    )
  })

  test('has one spelling: what is read is what would be written', () => {
    const letters = fc.constantFrom('A', 'B', 'Q', 'g', 'w', '/', '+', '=', '-', '_', ' ', '\n')
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), (text) => {
        const given = text.join('')
        const known = Buffer.from(given, 'base64').toString('base64') === given
        expect(reads(() => fromBase64(given))).toBe(known)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('UTF-8', () => {
  test('keeps a byte order mark and refuses broken bytes', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA')
    expect(() => fromUtf8(Uint8Array.of(0xff))).toThrow(NotDecodable)
    expect(() => fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toThrow(NotDecodable)
  })

  test('round trips', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text)
      }),
    )
  })
})

test('numbers are big-endian and of fixed width', () => {
  expect(hex(u32(258))).toBe('00000102')
  expect(hex(u64(2 ** 32 + 5))).toBe('0000000100000005')
  expect(hex(u64((1n << 64n) - 1n))).toBe('f'.repeat(16))
  expect(() => u32(2 ** 32)).toThrow('unsigned 32-bit')
  expect(() => u64(-1)).toThrow('unsigned 64-bit')
  expect(() => u64(2 ** 53)).toThrow('unsigned 64-bit')
})

function reads(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof NotDecodable) return false
    throw error
  }
}
