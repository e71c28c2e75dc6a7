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

const at = (...timestamps: number[]) => ({
  cosignatures: timestamps.map((timestamp, i) => ({ witness: `w${i}`, timestamp })),
})

describe('the age of a checkpoint', () => {
  it('is that of its newest cosignature', () => {
    expect(ageOf(at(100, 170, 130), 200_999)).toBe(30)
    expect(ageOf(at(300), 200_000)).toBe(0)
  })

  it('is unknown where no trusted witness has co-signed', () => {
    expect(ageOf(at(), 200_000)).toBeNull()
  })
})
