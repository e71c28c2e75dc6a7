import { createHash, createHmac, hkdfSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, hex, utf8 } from './bytes.js'
import { contentCommitment, eventCommitment, tagOf } from './commitment.js'
import {
  deriveFieldSalt,
  deriveIndexKey,
  deriveRecordKey,
  deriveTagKey,
  fieldSalts,
  hkdf,
  monthOf,
  type SubjectKey,
} from './derivation.js'
import { hmacSha256, sha256 } from './hash.js'

const key = Uint8Array.from({ length: 32 }, (_, i) => i)
const subjectId = '7c0e5f7e-2a55-4d0c-9f0e-3f1f5b8f9a01'
const subjectKey: SubjectKey = { subjectId, keyId: 'key-1', keyVersion: 3, key }
const version = { type: 'Observation', id: 'obs-1', version: 'ver-1' }
const opening = new Uint8Array(32).fill(0xa5)

function someBytes(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 1, maxLength })
}

function saltFor([type, id, version, pointer]: [string, string, string, string]): Uint8Array {
  return deriveFieldSalt(key, { type, id, version, pointer })
}

describe('the formats that can never change', () => {
  test('a record key', () => {
    const expected = '91fe62b1a3b5bed9bf581641ce4de4a3e2840e3f9f83039c3671b7157d86622d'
    expect(hex(deriveRecordKey(subjectKey, version))).toBe(expected)
  })

  test('a tag key and its tags', () => {
    const tagKey = deriveTagKey(key, 'records', subjectId, '2026-07')
    expect(hex(tagKey)).toBe('6866174e889d987511a4ff46b76fbd3a01c53bfeddae76d33d0592b6a7e47cdb')
    expect(hex(tagOf(tagKey, 1))).toBe('89a3b361b7fc7d970a68968de67578cd28ed4fb3a74987b6a5e5b3a77c732d90')
    expect(hex(tagOf(tagKey, 2 ** 32 + 5))).toBe('9561b936183c656f01a77d743d776dd717ef9f2acbaa5c3fb57aae89a4cf9221')
  })

  test('an index key', () => {
    const expected = '45cee0c2017d7a391c7450f91962923efdf24ec48ac7bb4ccfd93c5752d515c4'
    expect(hex(deriveIndexKey(key, 'code'))).toBe(expected)
  })

  test('a field salt, with a pointer that needs escapes', () => {
    const salt = deriveFieldSalt(key, { ...version, pointer: '/value~1x/é' })
    expect(hex(salt)).toBe('5f73dfc53303c68de2500dcf6ac72bc30f70a4e435ed504d49c1e0206c2bd88c')
  })

  test('the commitment of an event', () => {
    const commitment = eventCommitment(opening, 'RecordRead', utf8('{"id":"x","type":"RecordRead"}'))
    expect(hex(commitment)).toBe('6be5479ffdcab1820c28ed345ed2ee530fae03bd358a048f6d7f494875cdb77e')
  })

  test('the commitment of a private part', () => {
    const expected = '21ba761e920700b9f49d43761e814c86a906839f7365d6c13196aeac81c32463'
    expect(hex(contentCommitment(opening, utf8('private')))).toBe(expected)
  })
})

describe('HKDF', () => {
  test('gives the first output block of RFC 5869 test case 1', () => {
    const info = fromHex('f0f1f2f3f4f5f6f7f8f9')
    const output = hkdf(new Uint8Array(22).fill(0x0b), info, fromHex('000102030405060708090a0b0c'))
    expect(hex(output)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf')
  })

  test('is what node:crypto derives, with and without a salt', () => {
    fc.assert(
      fc.property(someBytes(64), someBytes(200), fc.option(someBytes(40)), (secret, info, salt) => {
        const expected = new Uint8Array(hkdfSync('sha256', secret, salt ?? new Uint8Array(0), info, 32))
        expect(hkdf(secret, info, salt ?? undefined)).toEqual(expected)
      }),
    )
  })
})

describe('derived secrets', () => {
  test('differ whenever one of their inputs differs', () => {
    const text = fc.string({ maxLength: 5, unit: 'binary' })
    const input = fc.tuple(text, text, text, text)
    fc.assert(
      fc.property(input, input, (a, b) => {
        fc.pre(a.some((each, i) => each !== b[i]))
        expect(saltFor(a)).not.toEqual(saltFor(b))
      }),
    )
  })

  test('differ by key version', () => {
    const next = { ...subjectKey, keyVersion: 4 }
    expect(deriveRecordKey(next, version)).not.toEqual(deriveRecordKey(subjectKey, version))
  })

  test('for many fields are those for each field alone', () => {
    const salts = fieldSalts(key, version)
    for (const pointer of ['', '/a', '/"\\', '/\u{1f600}']) {
      expect(salts(pointer)).toEqual(deriveFieldSalt(key, { ...version, pointer }))
    }
  })

  test('of a short key are refused', () => {
    expect(() => deriveIndexKey(new Uint8Array(31), 'code')).toThrow('32 bytes')
    expect(() => deriveRecordKey({ ...subjectKey, key: new Uint8Array(33) }, version)).toThrow('32 bytes')
  })

  test('of a month that is none are refused', () => {
    for (const month of ['2026-7', '2026-13', '2026-00', '26-01', '2026-07-01']) {
      expect(() => deriveTagKey(key, 'records', subjectId, month)).toThrow('YYYY-MM')
    }
  })
})

test('a month is that of the time in UTC', () => {
  expect(monthOf(new Date('2026-01-01T00:30:00+01:00'))).toBe('2025-12')
})

describe('commitments', () => {
  const bytes = fc.uint8Array({ minLength: 0, maxLength: 40, size: 'max' })

  test('bind type and body, also where the two run into each other', () => {
    const event = fc.tuple(fc.string({ maxLength: 4, unit: 'grapheme-ascii' }), bytes)
    fc.assert(
      fc.property(event, event, ([typeA, bodyA], [typeB, bodyB]) => {
        fc.pre(typeA !== typeB || hex(bodyA) !== hex(bodyB))
        expect(eventCommitment(opening, typeA, bodyA)).not.toEqual(eventCommitment(opening, typeB, bodyB))
      }),
    )
    expect(eventCommitment(opening, 'ab', utf8('c'))).not.toEqual(eventCommitment(opening, 'a', utf8('bc')))
  })

  test('of an event and of a content never coincide', () => {
    fc.assert(
      fc.property(bytes, (body) => {
        expect(eventCommitment(opening, '', body)).not.toEqual(contentCommitment(opening, body))
      }),
    )
  })

  test('of the same body under two openings look unrelated', () => {
    const other = new Uint8Array(32).fill(0xa4)
    expect(eventCommitment(other, 'RecordRead', key)).not.toEqual(eventCommitment(opening, 'RecordRead', key))
  })

  test('take only openings of full length', () => {
    // HMAC pads with zeros: 31 bytes and the same with a zero behind would open the same commitment.
    expect(() => eventCommitment(new Uint8Array(31), 'RecordRead', key)).toThrow('32 bytes')
    expect(() => contentCommitment(new Uint8Array(64), key)).toThrow('32 bytes')
    expect(() => tagOf(new Uint8Array(0), 1)).toThrow('32 bytes')
  })

  test('count tags from 1', () => {
    expect(() => tagOf(opening, 0)).toThrow('start at 1')
    expect(() => tagOf(opening, 1.5)).toThrow('start at 1')
  })
})

describe('hashes', () => {
  // Around the sizes at which the way of computing changes: blocks of 64, a scratch area of 8192 bytes.
  const length = fc.oneof(fc.nat(200), fc.integer({ min: 8100, max: 8300 }), fc.integer({ min: 16_300, max: 16_500 }))
  const cut = fc.tuple(length, fc.array(fc.nat(16_500), { maxLength: 3 })).map(([size, cuts]) => {
    const whole = Uint8Array.from({ length: size }, (_, i) => i * 7)
    const at = [0, ...cuts.map((each) => Math.min(each, size)).toSorted((a, b) => a - b), size]
    return { whole, chunks: at.slice(1).map((end, i) => whole.subarray(at[i], end)) }
  })

  test('are those of node:crypto, however the bytes are cut', () => {
    fc.assert(
      fc.property(cut, ({ whole, chunks }) => {
        expect(hex(sha256(...chunks))).toBe(createHash('sha256').update(whole).digest('hex'))
      }),
    )
    expect(hex(sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(hex(sha256())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  test('with a key are those of node:crypto, for keys of every length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 140, size: 'max' }), cut, (key, { whole, chunks }) => {
        expect(hex(hmacSha256(key, ...chunks))).toBe(createHmac('sha256', key).update(whole).digest('hex'))
      }),
    )
  })

  test('leave earlier results as they were', () => {
    const first = sha256(key)
    const before = hex(first)
    hmacSha256(key, first)
    sha256(first, first)
    expect(hex(first)).toBe(before)
  })

  test('are plain arrays, whose slices share no memory', () => {
    for (const bytes of [key, new Uint8Array(10_000)]) {
      expect(sha256(bytes).constructor).toBe(Uint8Array)
      expect(hmacSha256(key, bytes).constructor).toBe(Uint8Array)
    }
  })
})
