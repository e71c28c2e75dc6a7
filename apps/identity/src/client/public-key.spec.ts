import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { PublicKey, signingAlgorithmOf } from './public-key.js'

const jwkOf = (key: KeyObject) => key.export({ format: 'jwk' })
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve })
const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })

describe("a client's public key", () => {
  it('is on P-384 or an RSA key of at least 2048 bits', () => {
    expect(signingAlgorithmOf(PublicKey.parse(jwkOf(ec('P-384').publicKey)))).toBe('ES384')
    expect(signingAlgorithmOf(PublicKey.parse(jwkOf(rsa(2048).publicKey)))).toBe('RS384')
  })

  const p384 = jwkOf(ec('P-384').publicKey)
  it.each([
    ['another curve', jwkOf(ec('P-256').publicKey)],
    ['a short RSA key', jwkOf(rsa(1024).publicKey)],
    ['a private key', jwkOf(ec('P-384').privateKey)],
    ['a private RSA key', jwkOf(rsa(2048).privateKey)],
    ['a point that is not on the curve', { ...p384, x: p384.y, y: p384.x }],
    ['another algorithm', { ...p384, alg: 'ES256' }],
    ['a key for encryption', { ...p384, use: 'enc' }],
    ['a secret', { kty: 'oct', k: 'AAAA' }],
    ['a key at a URL', { ...p384, x5u: 'http://elsewhere.example' }],
  ])('is not %s', (_case, jwk) => {
    expect(PublicKey.safeParse(jwk).success).toBe(false)
  })
})
