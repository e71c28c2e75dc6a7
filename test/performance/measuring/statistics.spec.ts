import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { distributionOf, flatness, percentile, ratePerSecond, ratio, rounded } from './statistics.js'

const values = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60, size: 'max' })

describe('a percentile', () => {
  it('is the nearest rank', () => {
    const ten = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    expect([0, 10, 11, 50, 90, 99, 100].map((percent) => percentile(ten, percent))).toEqual([1, 1, 2, 5, 9, 10, 10])
    expect(percentile([7], 50)).toBe(7)
  })

  it('is the least value that so many do not exceed', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 100 }), (series, percent) => {
        const sorted = series.toSorted((a, b) => a - b)
        const enough = (limit: number) =>
          sorted.filter((value) => value <= limit).length * 100 >= percent * sorted.length
        expect(percentile(sorted, percent)).toBe(sorted.find(enough))
      }),
    )
  })

  it('refuses to be of nothing, or beyond a hundred', () => {
    expect(() => percentile([], 50)).toThrow('no percentile of nothing')
    expect(() => percentile([1], 101)).toThrow('between 0 and 100')
  })
})

describe('a distribution', () => {
  it('does not depend on the order, and leaves the series alone', () => {
    const series = [30, 10, 20]
    expect(distributionOf(series)).toEqual({ count: 3, mean: 20, p50: 20, p90: 30, p95: 30, p99: 30, max: 30 })
    expect(series).toEqual([30, 10, 20])
  })

  it('never goes down from one percentile to the next', () => {
    fc.assert(
      fc.property(values, (series) => {
        const { p50, p90, p95, p99, max } = distributionOf(series)
        expect([p50, p90, p95, p99, max]).toEqual([p50, p90, p95, p99, max].toSorted((a, b) => a - b))
      }),
    )
  })
})

describe('rates and ratios', () => {
  it('count per second', () => {
    expect(ratePerSecond(500, 250)).toBe(2000)
    expect(ratePerSecond(5, 0)).toBe(0)
  })

  it('compare with the bare operation, or with nothing', () => {
    expect(ratio(40, 100)).toBe(0.4)
    expect(ratio(40, 0)).toBeNull()
  })

  it('tell how flat costs are', () => {
    expect(flatness([10, 10, 10])).toBe(1)
    expect(flatness([10, 25, 20])).toBe(2.5)
    expect(() => flatness([])).toThrow('positive costs')
  })

  it('keep four digits', () => {
    expect([12_345.6, 0.000_123_456, 0].map(rounded)).toEqual([12_350, 0.000_123_5, 0])
  })
})
