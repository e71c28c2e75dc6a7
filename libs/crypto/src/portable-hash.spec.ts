import { createHash, createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { hex } from './bytes.js'
import { portableHmacSha256, portableSha256 } from './portable-hash.js'

const ofNode = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

it('SHA-256 without node:crypto is that of node:crypto, at every length around a block', () => {
  for (let length = 0; length < 260; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 255)
    expect(hex(portableSha256(bytes))).toBe(ofNode(bytes))
  }
})

it('SHA-256 and HMAC without node:crypto are those of node:crypto, in whatever chunks', () => {
  const bytes = fc.uint8Array({ maxLength: 300, size: 'max' })
  fc.assert(
    fc.property(bytes, fc.array(bytes, { maxLength: 4 }), (key, chunks) => {
      const whole = Buffer.concat(chunks)
      expect(hex(portableSha256(...chunks))).toBe(ofNode(whole))
      expect(hex(portableHmacSha256(key, ...chunks))).toBe(createHmac('sha256', key).update(whole).digest('hex'))
    }),
  )
})
