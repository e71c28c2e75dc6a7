import { describe, expect, it } from 'vitest'
import { allPermit, assertFresh, type Permit } from './permit.js'

const permit = (patientId: string, expiresAtMs: number): Permit => ({
  patientId,
  permitId: `permit-${patientId}`,
  expiresAtMs,
})

describe('permits', () => {
  it('are good until they expire, to the millisecond', () => {
    expect(() => assertFresh([permit('a', 100)], 99.9)).not.toThrow()
    const stale = expect.objectContaining({ status: 503, code: 'permit-expired' })
    expect(() => assertFresh([permit('b', 200), permit('a', 100)], 100)).toThrow(stale)
  })

  it('are needed from every patient, and from none where there is none', () => {
    const permits = new Map([['a', permit('a', 1)]])
    expect(allPermit(permits, ['a'])).toBe(true)
    expect(allPermit(permits, ['a', 'b'])).toBe(false)
    expect(allPermit(permits, [])).toBe(true)
  })
})
