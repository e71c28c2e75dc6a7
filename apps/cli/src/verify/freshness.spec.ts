import { COSIGNATURE_V1, formatVkey, parsePolicy, vkeyOf } from '@careseal/ledger-core'
import { sha256 } from '@careseal/crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ageOf, durationSeconds } from './freshness.js'

describe('a limit of age', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['10m', 600],
    ['2h', 7200],
    ['1d', 86_400],
  ])('%s is %i seconds', (text, seconds) => {
    expect(durationSeconds(text)).toBe(seconds)
  })

  it.each(['', '-1', '1.5m', '10 m', 'm', '10w', '1e3'])('is not %j', (text) => {
    expect(() => durationSeconds(text)).toThrow(/must be a time/)
  })
})

const NAMES = ['w0', 'w1', 'w2', 'w3', 'w4']
const WITNESSES = NAMES.map((name, i) => {
  const publicKey = new Uint8Array(32).fill(i + 1)
  return `witness ${name} ${formatVkey(vkeyOf(sha256, { name, type: COSIGNATURE_V1, publicKey }))}`
})
const policyFor = (k: number) =>
  parsePolicy(sha256, [...WITNESSES, `group all ${k} ${NAMES.join(' ')}`, 'quorum all'].join('\n'))

const at = (...timestamps: number[]) => ({
  cosignatures: timestamps.map((timestamp, i) => ({ witness: `w${i}`, timestamp })),
})

describe('the age of a checkpoint', () => {
  it('is that of its newest cosignature where no quorum is asked for', () => {
    expect(ageOf(at(100, 170, 130), null, 200_999)).toBe(30)
    expect(ageOf(at(300), null, 200_000)).toBe(0)
  })

  it('is not made less by fewer witnesses than a quorum, who say another time than the others', () => {
    expect(ageOf(at(1_000, 100, 110), policyFor(2), 1_000_000)).toBe(890)
    expect(ageOf(at(1_300, 100, 110), policyFor(2), 1_000_000)).toBe(890)
    expect(ageOf(at(1_000, 990, 110), policyFor(2), 1_000_000)).toBe(10)
  })

  it('counts no cosignature from the future, but for what clocks differ by', () => {
    expect(ageOf(at(500), null, 200_000)).toBe(0)
    expect(ageOf(at(501), null, 200_000)).toBeNull()
    expect(ageOf(at(99_999, 100), policyFor(2), 200_000)).toBeNull()
  })

  it('is unknown where no trusted witness has co-signed', () => {
    expect(ageOf(at(), null, 200_000)).toBeNull()
    expect(ageOf(at(), policyFor(1), 200_000)).toBeNull()
  })

  it('of any k out of n is the k-th newest of all that are not from the future', () => {
    const times = fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: NAMES.length })
    fc.assert(
      fc.property(times, fc.integer({ min: 1, max: NAMES.length }), (timestamps, k) => {
        const possible = timestamps.filter((time) => time <= 1_300).toSorted((a, b) => b - a)
        const kth = possible[k - 1]
        const expected = kth === undefined ? null : Math.max(0, 1_000 - kth)
        expect(ageOf(at(...timestamps), policyFor(k), 1_000_000)).toBe(expected)
      }),
    )
  })
})
