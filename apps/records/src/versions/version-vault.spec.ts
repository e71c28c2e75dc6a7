import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SubjectKey } from '@careseal/crypto'
import { idOf } from '@careseal/testing'
import { fieldsOf, tokenMacs, VERSION_SCHEMA, VersionVault, type VersionPlace } from './version-vault.js'

const key = (n: number): SubjectKey => ({
  subjectId: idOf(n),
  keyId: idOf(1000 + n),
  keyVersion: 1,
  key: new Uint8Array(32).fill(n),
})
const place: VersionPlace = { type: 'Patient', id: idOf(1), versionId: idOf(2) }
const resource = { resourceType: 'Patient', gender: 'other' }
const vault = new VersionVault('careseal.test/ledger')

describe('a sealed version', () => {
  it('opens to what was sealed', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (members) => {
        const given = JSON.parse(JSON.stringify({ ...members, resourceType: 'Basic' })) as typeof resource
        const ciphertext = vault.seal(key(1), place, given)
        expect(vault.open(key(1), place, { ciphertext, schema: VERSION_SCHEMA })).toEqual(given)
      }),
    )
  })

  it('never seals to the same bytes twice', () => {
    expect(vault.seal(key(1), place, resource)).not.toEqual(vault.seal(key(1), place, resource))
  })

  it.each([
    ['another type', { where: { ...place, type: 'Person' } }],
    ['another id', { where: { ...place, id: idOf(3) } }],
    ['another version', { where: { ...place, versionId: idOf(3) } }],
    ['another key', { under: key(2) }],
    ['another key id', { under: { ...key(1), keyId: idOf(9) } }],
    ['another layout', { schema: VERSION_SCHEMA + 1 }],
    ['another log', { by: new VersionVault('other.test/ledger') }],
  ])('does not open in the place of %s', (_case, changed) => {
    const ciphertext = vault.seal(key(1), place, resource)
    const { by, under, where, schema } = { by: vault, under: key(1), where: place, schema: VERSION_SCHEMA, ...changed }
    expect(() => by.open(under, where, { ciphertext, schema })).toThrow(
      expect.objectContaining({ code: 'seal-broken' }),
    )
  })
})

describe('the fields of a version', () => {
  it('commit to every value under a salt of this version', () => {
    const { root, leaves } = fieldsOf(key(1), place, resource)
    expect(leaves.map((leaf) => leaf.pointer)).toEqual(['/gender', '/resourceType'])
    expect(fieldsOf(key(1), place, resource).root).toEqual(root)
    expect(fieldsOf(key(1), { ...place, versionId: idOf(3) }, resource).root).not.toEqual(root)
    expect(fieldsOf(key(1), place, { ...resource, gender: 'male' }).root).not.toEqual(root)
  })
})

describe('the blind index', () => {
  it('shows equal codes of one patient as equal, of two as different', () => {
    expect(tokenMacs(key(1))('code', 'a')).toEqual(tokenMacs(key(1))('code', 'a'))
    expect(tokenMacs(key(1))('code', 'a')).not.toEqual(tokenMacs(key(2))('code', 'a'))
    expect(tokenMacs(key(1))('code', 'a')).not.toEqual(tokenMacs(key(1))('category', 'a'))
    expect(tokenMacs(key(1))('code', 'a')).toHaveLength(16)
  })
})
