import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PaceMeter, paceText } from './pace.js'

describe('the pace', () => {
  it('is unknown before there is any', () => {
    const meter = new PaceMeter(() => 0)
    expect(meter.pace(10)).toEqual({ perSecond: 0, secondsLeft: null })
    meter.take(3)
    expect(paceText(meter.pace(10))).toBe('')
  })

  it('of steady work is its rate, whatever the steps', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 3_000 }), { minLength: 2, maxLength: 400, size: 'max' })
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 100 }), (pauses, rate) => {
        let now = 0
        const meter = new PaceMeter(() => now)
        meter.take(0)
        for (const pause of pauses) {
          now += pause
          meter.take(now * rate)
        }
        const { perSecond, secondsLeft } = meter.pace(now * rate + 5_000 * rate)
        // Within the 50 ms that one sample stands for.
        const shortest = Math.min(now, 10_000)
        expect(Math.abs(perSecond / (rate * 1000) - 1)).toBeLessThan(0.02 + 50 / shortest)
        expect(secondsLeft).toBeGreaterThan(0)
      }),
    )
  })

  it('forgets a slow start', () => {
    let now = 0
    const meter = new PaceMeter(() => now)
    meter.take(0)
    for (const done of [1, 2, 3]) {
      now += 10_000
      meter.take(done)
    }
    for (let i = 1; i <= 200; i++) {
      now += 100
      meter.take(3 + i * 100)
    }
    expect(meter.pace(40_003).perSecond).toBeCloseTo(1000, 0)
  })

  it('is told for people', () => {
    expect(paceText({ perSecond: 12_345.6, secondsLeft: 65 })).toBe('12,346/s, 1 min 5 s left')
    expect(paceText({ perSecond: 2.25, secondsLeft: 0.2 })).toBe('2.3/s, 1 s left')
    expect(paceText({ perSecond: 20, secondsLeft: 7_300 })).toBe('20/s, 2 h 1 min left')
    expect(paceText({ perSecond: 20, secondsLeft: null })).toBe('20/s')
  })
})
