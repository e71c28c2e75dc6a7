import { sha256, type JsonValue } from '@careseal/crypto'
import { leafHash, merkleRoot } from '@careseal/merkle'
import { describe, expect, test } from 'vitest'
import { approve } from './approval.js'
import { formatCheckpoint } from './checkpoint.js'
import type { Admin } from './entry.js'
import {
  beginGovernance,
  govern,
  isAbandoned,
  isValidAt,
  keyHistory,
  logKeysAt,
  policyAt,
  type Governance,
} from './governance.js'
import { signNote } from './note.js'
import { EMPTY_HEAD, planBlock } from './plan-block.js'
import { parsePolicy } from './policy.js'
import { genesis, keyPair, leafOf, log, operators, options, ORIGIN, witness } from './small-ledger.fixture.js'
import { verifyLedger } from './verify-ledger.js'
import { COSIGNATURE_V1, ED25519 } from './vkey.js'

const next = keyPair(ORIGIN, ED25519, 21)
const nextWitness = keyPair('witness.example.org/w1', COSIGNATURE_V1, 22)

const entry = (index: number, type: string, data: JsonValue) => ({ index, admin: { type, data, approvals: [] } })
const added = (index: number) =>
  entry(index, 'key-added', { owner: 'log', vkey: next.vkey, replaces: genesis.logKeys[0]! })
const retired = (index: number, reason = 'rotated') =>
  entry(index, 'key-retired', { owner: 'log', vkey: log.vkey, reason })
const retreat = { size: 4, root: 'aa'.repeat(32), abandonedSize: 9, abandonedRoot: 'bb'.repeat(32) }

const fold = (...entries: ReturnType<typeof entry>[]): Governance =>
  entries.reduce((state, each) => govern(sha256, state, each), beginGovernance(genesis))

describe('the history of keys', () => {
  test('begins with those of the genesis, which sign for every size', () => {
    const [first, ...others] = keyHistory(sha256, genesis, [])
    expect(first).toMatchObject({ owner: 'log', vkey: log.vkey, fromSize: 0, untilSize: null, addedAt: null })
    expect(others).toEqual([])
  })

  test('lets old and new sign between the two entries, and each alone before and after', () => {
    const keys = keyHistory(sha256, genesis, [added(10), retired(20)])
    expect(logKeysAt(keys, 10)).toEqual([log.vkey])
    expect(logKeysAt(keys, 11)).toEqual([log.vkey, next.vkey])
    expect(logKeysAt(keys, 20)).toEqual([log.vkey, next.vkey])
    expect(logKeysAt(keys, 21)).toEqual([next.vkey])
    expect(keys.map((key) => isValidAt(key, 15))).toEqual([true, true])
  })

  test("records a witness's old key when the first change names it", () => {
    const data = { owner: 'witness', vkey: nextWitness.vkey, replaces: witness.vkey }
    const old = entry(12, 'key-retired', { owner: 'witness', vkey: witness.vkey, reason: 'stolen' })
    expect(keyHistory(sha256, genesis, [entry(8, 'key-added', data), old])).toMatchObject([
      { owner: 'log' },
      { owner: 'witness', vkey: witness.vkey, fromSize: 0, untilSize: 12, retiredAt: 12, reason: 'stolen' },
      { owner: 'witness', vkey: nextWitness.vkey, fromSize: 9, untilSize: null, addedAt: 8, replaces: witness.vkey },
    ])
  })

  test('takes keys out of a policy where they do not count, and leaves witnesses that the ledger never named', () => {
    const text = `log ${log.vkey}\nlog ${next.vkey}\nwitness w1 ${witness.vkey}\nquorum w1\n`
    const policy = parsePolicy(sha256, text)
    const keys = keyHistory(sha256, genesis, [added(10), retired(20)])
    expect(policyAt(sha256, policy, { keys, size: 25 }).logs.map(({ vkey }) => vkey.keyId)).toEqual([next.signer.keyId])
    expect(policyAt(sha256, policy, { keys, size: 5 })).toMatchObject({
      logs: [{ vkey: { keyId: log.signer.keyId } }],
      witnesses: [{ name: 'w1' }],
    })
  })

  test.each<[string, ReturnType<typeof entry>[], RegExp]>([
    ['a key twice', [added(10), added(12)], /added before/],
    [
      'a key that replaces none',
      [entry(9, 'key-added', { owner: 'log', vkey: next.vkey, replaces: null })],
      /replaces/,
    ],
    ['a key of another log', [foreignKey()], /not a key of this log/],
    ['the last key retired', [retired(10)], /keeps a key/],
    ['a key retired twice', [added(10), retired(20), retired(22)], /not in force/],
    [
      'data with more than is known',
      [entry(9, 'key-retired', { owner: 'log', vkey: '', reason: '', x: 1 })],
      /exactly/,
    ],
    ['an unknown reason', [added(10), retired(20, 'lost')], /not the data/],
    ['a policy out of turn', [entry(9, 'policy-changed', { number: 2, policy: 'quorum none\n' })], /out of turn/],
    ['a policy of another log', [entry(9, 'policy-changed', { number: 1, policy: 'quorum none\n' })], /another log/],
    ['a retreat forwards', [entry(9, 'signer-retreat', { ...retreat, abandonedSize: 4 })], /goes back/],
    ['a retreat to what is not there', [entry(3, 'signer-retreat', retreat)], /goes back/],
    ['a retreat twice', [entry(5, 'signer-retreat', retreat), entry(6, 'signer-retreat', retreat)], /before/],
  ])('refuses %s', (_name, entries, message) => {
    expect(() => fold(...entries)).toThrow(message)
  })

  test('keeps the newest policy and every retreat', () => {
    const policy = `log ${log.vkey}\nquorum none\n`
    const state = fold(entry(5, 'signer-retreat', retreat), entry(7, 'policy-changed', { number: 1, policy }))
    expect(state.policy).toEqual({ number: 1, policy, index: 7 })
    expect(isAbandoned(state.retreats, { size: 9, root: 'bb'.repeat(32) })).toBe(true)
    expect(isAbandoned(state.retreats, { size: 9, root: 'cc'.repeat(32) })).toBe(false)
  })
})

function foreignKey() {
  const vkey = keyPair('elsewhere.example.org', ED25519, 23).vkey
  return entry(9, 'key-added', { owner: 'log', vkey, replaces: log.vkey })
}

describe('a ledger whose key was rotated', () => {
  test('is signed by old and new in between, and by the new one alone after', async () => {
    const { entries, sizes } = await rotated()
    const { ok, refused } = verdictsOf(entries)
    expect(await ok(sizes.added, [log])).toBe(true)
    expect(await ok(sizes.added, [next])).toBe(true)
    expect(await ok(sizes.added, [log, next])).toBe(true)
    expect(await ok(sizes.retired, [next])).toBe(true)
    expect(await refused(sizes.retired, [log])).toBe('log-key-not-valid')
    expect(await refused(sizes.before, [next])).toBe('log-key-not-valid')
  })

  test('is believed by who pinned the new key, and not by who pinned the retired one', async () => {
    const { entries, sizes } = await rotated()
    const { ok, refused } = verdictsOf(entries)
    expect(await ok(sizes.retired, [log, next], [next.vkey])).toBe(true)
    expect(await refused(sizes.retired, [log, next], [log.vkey])).toBe('log-key-not-valid')
    expect(await refused(sizes.retired, [next], [log.vkey])).toBe('checkpoint-refused')
  })

  test('is refused when the change itself is none', async () => {
    const again = { owner: 'log', vkey: log.vkey, replaces: log.vkey }
    const verdict = await verifyLedger({ entries: (await rotated(again)).entries, checkpoint: null }, options)
    expect(verdict).toMatchObject({ ok: false, fault: { code: 'administration-wrong' } })
  })
})

function verdictsOf(entries: Uint8Array[]) {
  const verdict = async (size: number, signers: (typeof log)[], pinned?: string[]) => {
    const root = merkleRoot(
      sha256,
      entries.slice(0, size).map((bytes) => leafHash(sha256, bytes)),
    )
    const text = formatCheckpoint({ origin: ORIGIN, size, root })
    const checkpoint = await signNote(text, ...signers.map(({ signer }) => signer))
    const trust = pinned ? { trust: { logVkeys: pinned } } : {}
    return verifyLedger({ entries, checkpoint }, { ...options, ...trust })
  }
  const ok = async (...args: Parameters<typeof verdict>) => (await verdict(...args)).ok
  const refused = async (...args: Parameters<typeof verdict>) => {
    const told = await verdict(...args)
    return told.ok ? null : told.fault.code
  }
  return { ok, refused }
}

async function rotated(data: JsonValue = { owner: 'log', vkey: next.vkey, replaces: log.vkey }) {
  const entries: Uint8Array[] = []
  let head = EMPTY_HEAD
  const add = (block: Partial<Parameters<typeof planBlock>[0]>) => {
    const planned = planBlock({ head, leaves: [], epoch: 1, time: 1_790_000_000, ...block }, sha256)
    entries.push(...planned.entries)
    head = planned.newHead
    return head.treeSize
  }
  add({ controls: [{ genesis }] })
  const before = add({ leaves: [leafOf('consent', 1)] })
  const added = add({ controls: [{ admin: approved('key-added', data, before) }] })
  const old = { owner: 'log', vkey: log.vkey, reason: 'rotated' }
  const retired = add({ controls: [{ admin: approved('key-retired', old, added) }] })
  return { entries, sizes: { before, added, retired } }
}

function approved(type: string, data: JsonValue, index: number): Admin {
  const signers = operators.slice(0, 2).map(({ signer }) => ({
    name: signer.name,
    sign: (message: Uint8Array) => signer.sign(message) as Uint8Array,
  }))
  return approve({ origin: ORIGIN, index }, { type, data }, signers)
}
