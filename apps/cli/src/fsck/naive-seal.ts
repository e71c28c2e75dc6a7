// Keys, seals and tags of privacy.md once more, apart from libs/crypto and libs/keys: node's own HKDF, HMAC and GCM.
import { createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'

/** A subject's key as the service's root key opens it. */
export type OpenedKey = { subjectId: string; keyId: string; keyVersion: number; key: Buffer }

/** Where sealed bytes stand: what their AAD names. */
export type SealedPlace = { origin: string; type: string; id: string; version: string; schema: number }

const NO_SALT = Buffer.alloc(32)

export const hmac = (key: Uint8Array | KeyObject, ...parts: (Uint8Array | string)[]): Buffer => {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}

/** 32 bytes of HKDF-SHA-256 under an `info` that is a JSON array. */
export function derive(key: Uint8Array, info: readonly unknown[], salt: Uint8Array = NO_SALT): Buffer {
  return Buffer.from(hkdfSync('sha256', key, salt, JSON.stringify(info), 32))
}

/** Version 1, nonce (12), commitment to the key (32), ciphertext, tag (16). Null when it does not open. */
export function unseal(key: Uint8Array, aad: readonly unknown[], sealed: Uint8Array): Buffer | null {
  if (sealed.length < 61 || sealed[0] !== 1) return null
  const nonce = sealed.subarray(1, 13)
  if (!derive(key, ['careseal/v1/key-commitment'], nonce).equals(sealed.subarray(13, 45))) return null
  const decipher = createDecipheriv('aes-256-gcm', derive(key, ['careseal/v1/seal-key'], nonce), nonce)
  decipher.setAAD(Buffer.from(JSON.stringify(aad))).setAuthTag(sealed.subarray(-16))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(45, -16)), decipher.final()])
  } catch {
    return null
  }
}

/** The plaintext of a row that was sealed under a key derived for `derivedFor`; null when it does not open there. */
export function openRow(
  key: OpenedKey,
  derivedFor: readonly [type: string, id: string, version: string],
  { place, sealed }: { place: SealedPlace; sealed: Uint8Array },
): Buffer | null {
  const rowKey = derive(key.key, ['careseal/v1/record-key', ...derivedFor, key.keyVersion])
  const { origin, type, id, version, schema } = place
  return unseal(rowKey, ['careseal/v1/row', origin, key.keyId, type, id, version, schema], sealed)
}

/** The salts of a version's fields: HKDF's second half, once for each pointer. */
export function saltsOf(key: Uint8Array, type: string, id: string, version: string): (pointer: string) => Buffer {
  // Bytes cost a MAC five times what a key object does, and there is a MAC for each field.
  const extracted = createSecretKey(hmac(NO_SALT, key))
  return (pointer) => {
    const info = JSON.stringify(['careseal/v1/field-salt', type, id, version, pointer])
    return hmac(extracted, info, Buffer.of(1))
  }
}

/** What makes a subject's tags of one producer and month (`YYYY-MM`). */
export function tagKeyOf(key: Uint8Array, producer: string, subjectId: string, month: string): Buffer {
  return derive(key, ['careseal/v1/tag', producer, subjectId, month])
}

/** The n-th tag, n from 1. */
export function tagOf(tagKey: Uint8Array, n: number): Buffer {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(n))
  return hmac(tagKey, counter)
}
