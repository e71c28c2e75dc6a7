import * as fc from 'fast-check'
import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hmacSha256, sha256, verifyEd25519 } from './web-primitives.js'

const bytes = fc.uint8Array({ maxLength: 300 })

describe('hashes without WebCrypto', () => {
  it('are those of node:crypto, however the bytes are cut', () => {
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        const expected = createHash('sha256').update(first).update(second).digest()
        expect(Buffer.from(sha256(first, second))).toEqual(expected)
      }),
    )
  })

  it('make the same HMAC, also with keys longer than a block', () => {
    fc.assert(
      fc.property(bytes, bytes, (key, message) => {
        expect(Buffer.from(hmacSha256(key, message))).toEqual(createHmac('sha256', key).update(message).digest())
      }),
    )
  })
})

it('signatures are judged as node:crypto makes them', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
  const message = new TextEncoder().encode('a checkpoint')
  const signature = sign(null, message, privateKey)
  expect(await verifyEd25519(key, message, signature)).toBe(true)
  signature[3]! ^= 1
  expect(await verifyEd25519(key, message, signature)).toBe(false)
})
