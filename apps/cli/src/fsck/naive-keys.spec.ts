import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { canonical, type Admin } from './naive-entry.js'
import { NaiveKeys } from './naive-keys.js'

const ORIGIN = 'ledger.example/keys'
const pair = () => generateKeyPairSync('ed25519')
const vkeyOf = (name: string, key: KeyObject) => {
  const raw = Buffer.from(String(key.export({ format: 'jwk' }).x), 'base64url')
  return `${name}+00000000+${Buffer.concat([Buffer.from([1]), raw]).toString('base64')}`
}

const [one, two] = [pair(), pair()]
const operators = [vkeyOf('operator-1', one.publicKey), vkeyOf('operator-2', two.publicKey)]
const [first, second] = [vkeyOf(ORIGIN, pair().publicKey), vkeyOf(ORIGIN, pair().publicKey)]

function entry(index: number, type: string, data: Admin['data'], by = [one, two]): [number, Admin] {
  const message = Buffer.from(canonical([ORIGIN, index, type, data]))
  const approvals = by.map(({ privateKey }, i) => {
    return { operator: `operator-${i + 1}`, signature: sign(null, message, privateKey).toString('base64') }
  })
  return [index, { type, data, approvals }]
}

function begun(): NaiveKeys {
  const keys = new NaiveKeys()
  keys.genesis({ origin: ORIGIN, logKeys: [first], operators, producers: {} })
  return keys
}

describe('keys, told once more', () => {
  it('count from the size after the entry that adds them, up to the index of the one that retires them', () => {
    const keys = begun()
    expect(keys.admin(...entry(10, 'key-added', { owner: 'log', vkey: second, replaces: first }))).toBeNull()
    expect(keys.admin(...entry(20, 'key-retired', { owner: 'log', vkey: first, reason: 'rotated' }))).toBeNull()
    expect([10, 11, 20, 21].map((size) => keys.at(size))).toEqual([[first], [first, second], [first, second], [second]])
  })

  it.each([
    ['one operator', entry(10, 'producer-admitted', { name: 'consent-2' }, [one]), /two operators/],
    ['the same operator twice', entry(10, 'producer-admitted', { name: 'consent-2' }, [one, one]), /two operators/],
    [
      'a key in place of none',
      entry(10, 'key-added', { owner: 'log', vkey: second, replaces: second }),
      /place of none/,
    ],
    ['a key that is known', entry(10, 'key-added', { owner: 'log', vkey: first, replaces: first }), /known already/],
    ['the last key', entry(10, 'key-retired', { owner: 'log', vkey: first, reason: 'rotated' }), /last one/],
  ])('are not changed by %s', (_case, [index, admin], fault) => {
    expect(begun().admin(index, admin)).toMatch(fault)
  })

  it.each([null, 0, 'text', ['list']])('are not changed by data that is no object: %j', (data) => {
    expect(begun().admin(...entry(10, 'key-added', data))).toBeNull()
  })

  it('are not changed by approvals of another index', () => {
    const [, admin] = entry(10, 'key-added', { owner: 'log', vkey: second, replaces: first })
    expect(begun().admin(11, admin)).toMatch(/two operators/)
  })
})
