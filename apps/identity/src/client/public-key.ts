// The keys that clients may sign their assertions with: ES384, or RS384 of at least 2048 bits (SMART Backend Services).
import { createPublicKey } from 'node:crypto'
import { z } from 'zod'

const base64url = z.string().regex(/^[\w-]+$/)
const metadata = { kid: z.string().min(1).max(128).optional(), use: z.literal('sig').optional() }

const EcKey = z.strictObject({
  kty: z.literal('EC'),
  crv: z.literal('P-384'),
  x: base64url,
  y: base64url,
  alg: z.literal('ES384').optional(),
  ...metadata,
})

const RSA_2048_MODULUS_CHARACTERS = 342
const RsaKey = z.strictObject({
  kty: z.literal('RSA'),
  n: base64url.min(RSA_2048_MODULUS_CHARACTERS, 'must have at least 2048 bits'),
  e: base64url,
  alg: z.literal('RS384').optional(),
  ...metadata,
})

/** A public JWK. Strict: a private key's members are refused, and so is a point that is not on the curve. */
export const PublicKey = z.discriminatedUnion('kty', [EcKey, RsaKey]).refine(isKey, 'is not a valid public key')
export type PublicKey = z.infer<typeof PublicKey>

export function signingAlgorithmOf(key: PublicKey): 'ES384' | 'RS384' {
  return key.kty === 'EC' ? 'ES384' : 'RS384'
}

function isKey(jwk: object): boolean {
  try {
    return createPublicKey({ key: jwk as never, format: 'jwk' }).type === 'public'
  } catch {
    return false
  }
}
