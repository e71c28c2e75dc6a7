import {
  contentCommitment,
  canonicalBytes,
  deriveRecordKey,
  deriveTagKey,
  fieldSalts,
  rowAad,
  seal,
  tagOf,
  wrapKey,
} from '@careseal/crypto'
import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { contentCommitmentOf } from './naive.js'
import { openRow, saltsOf, tagKeyOf, tagOf as naiveTagOf, unseal } from './naive-seal.js'

const key = { subjectId: 'subject', keyId: 'key', keyVersion: 3, key: randomBytes(32) }
const place = { origin: 'log.example', type: 'Patient', id: 'id', version: 'version', schema: 1 }
const text = Buffer.from('what nobody else may read')

describe('keys and seals written apart', () => {
  it('open what the library sealed, in its own place alone', () => {
    const rowKey = deriveRecordKey(key, place)
    const sealed = seal({
      key: rowKey,
      nonce: randomBytes(12),
      plaintext: text,
      aad: rowAad({ ...place, keyId: 'key' }),
    })
    const derivedFor = ['Patient', 'id', 'version'] as const
    expect(openRow(key, derivedFor, { place, sealed })).toEqual(text)
    expect(openRow(key, derivedFor, { place: { ...place, id: 'other' }, sealed })).toBeNull()
    expect(openRow({ ...key, key: randomBytes(32) }, derivedFor, { place, sealed })).toBeNull()
    const altered = sealed.map((byte, at) => (at === sealed.length - 20 ? byte ^ 1 : byte))
    expect(openRow(key, derivedFor, { place, sealed: altered })).toBeNull()
  })

  it('unwrap what a root key wrapped', () => {
    const root = randomBytes(32)
    const aad = canonicalBytes(['careseal/v1/subject-key', 'subject', 'key', 1])
    const wrapped = wrapKey({ root, nonce: randomBytes(12), key: key.key, aad })
    expect(unseal(root, ['careseal/v1/subject-key', 'subject', 'key', 1], wrapped)).toEqual(key.key)
  })

  it('give the same salts, tags and commitments as the library', () => {
    const pointer = '/name/0/"ü"'
    const version = { type: 'Patient', id: 'id', version: 'version' }
    expect(saltsOf(key.key, 'Patient', 'id', 'version')(pointer)).toEqual(
      Buffer.from(fieldSalts(key.key, version)(pointer)),
    )
    const tagKey = tagKeyOf(key.key, 'records', 'subject', '2026-01')
    expect(tagKey).toEqual(Buffer.from(deriveTagKey(key.key, 'records', 'subject', '2026-01')))
    for (const n of [1, 2, 300]) expect(naiveTagOf(tagKey, n)).toEqual(Buffer.from(tagOf(tagKey, n)))
    const value = { b: [1, { d: null, c: 'x' }], a: true }
    expect(contentCommitmentOf(key.key, value)).toEqual(Buffer.from(contentCommitment(key.key, canonicalBytes(value))))
  })
})
