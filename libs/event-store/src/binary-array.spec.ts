import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { byteaArray } from './binary-array.js'

const values = fc.array(fc.option(fc.uint8Array({ maxLength: 40, size: 'max' })), { maxLength: 20, size: 'max' })

/** As array_recv reads it: dimensions, nulls, element type, length, lower bound, then each element with its length. */
function read(bytes: Buffer): (Uint8Array | null)[] {
  const [dimensions, hasNull, type, count, lowerBound] = [0, 4, 8, 12, 16].map((offset) => bytes.readInt32BE(offset))
  expect([dimensions, type, lowerBound]).toEqual([1, 17, 1])
  const found: (Uint8Array | null)[] = []
  let offset = 20
  while (found.length < count!) {
    const length = bytes.readInt32BE(offset)
    offset += 4
    found.push(length < 0 ? null : Uint8Array.from(bytes.subarray(offset, offset + length)))
    offset += Math.max(0, length)
  }
  expect(offset).toBe(bytes.length)
  expect(hasNull).toBe(found.includes(null) ? 1 : 0)
  return found
}

describe('an array of bytes', () => {
  it('reads back as what was written, nulls and empty ones included', () => {
    const check = fc.property(values, (written) => {
      expect(read(byteaArray(written))).toEqual(written)
    })
    fc.assert(check)
  })
})
