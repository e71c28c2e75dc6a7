import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { WEB_PRIMITIVES } from './portable-primitives.js'

const { verifyEd25519 } = WEB_PRIMITIVES
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const key = Buffer.from(String(publicKey.export({ format: 'jwk' }).x), 'base64url')
const message = new TextEncoder().encode('a checkpoint')

describe('signatures by WebCrypto', () => {
  it('are judged as node:crypto makes them', async () => {
    const signature = sign(null, message, privateKey)
    expect(await verifyEd25519(key, message, signature)).toBe(true)
    signature[3]! ^= 1
    expect(await verifyEd25519(key, message, signature)).toBe(false)
  })

  it('are false for a key or signature that is none', async () => {
    expect(await verifyEd25519(key.subarray(1), message, sign(null, message, privateKey))).toBe(false)
    expect(await verifyEd25519(key, message, new Uint8Array(7))).toBe(false)
  })
})
