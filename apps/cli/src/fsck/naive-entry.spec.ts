import { describe, expect, it } from 'vitest'
import { canonical, entryOf } from './naive-entry.js'

const bytesOf = (entry: object) => Buffer.from(canonical(entry))
const admin = { type: 'note', data: { text: 'x' }, approvals: [{ operator: 'one', signature: 'AA==' }], v: 1 }
const genesis = { origin: 'o', logKeys: ['k'], operators: ['p'], producers: { records: '00' }, previous: null, v: 1 }

describe('an entry, read once more', () => {
  it('is an administration entry or a genesis of the right form', () => {
    expect(entryOf(bytesOf({ admin }))).toEqual({ admin })
    expect(entryOf(bytesOf({ genesis }))).toEqual({ genesis })
  })

  it.each<[string, object]>([
    ['approvals that are no list', { admin: { ...admin, approvals: 0 } }],
    ['an approval that is none', { admin: { ...admin, approvals: [null] } }],
    ['an approval without a signature', { admin: { ...admin, approvals: [{ operator: 'one' }] } }],
    ['a type that is no text', { admin: { ...admin, type: null } }],
    ['producers that are none', { genesis: { ...genesis, producers: null } }],
    ['a first link that is no text', { genesis: { ...genesis, producers: { records: 1 } } }],
    ['keys that are no list', { genesis: { ...genesis, logKeys: 'k' } }],
    ['operators that are no texts', { genesis: { ...genesis, operators: [{}] } }],
    ['nothing inside', { admin: null }],
  ])('is none with %s', (_what, entry) => {
    expect(entryOf(bytesOf(entry))).toBeNull()
  })

  it('may hold any data, for operators approve it as it is', () => {
    for (const data of [null, 0, 'text', ['list']]) {
      expect(entryOf(bytesOf({ admin: { ...admin, data } }))).toEqual({ admin: { ...admin, data } })
    }
  })

  it('is none where a text of it is no UTF-8, or begins with a byte order mark', () => {
    const bytes = bytesOf({ admin: { ...admin, data: { text: '\ufffd' } } })
    expect(entryOf(bytes)).not.toBeNull()
    const at = bytes.indexOf(Buffer.from('\ufffd'))
    const invalid = Buffer.concat([bytes.subarray(0, at), Buffer.from([0xff]), bytes.subarray(at + 3)])
    expect(entryOf(invalid)).toBeNull()
    expect(entryOf(Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), bytes]))).toBeNull()
  })
})
