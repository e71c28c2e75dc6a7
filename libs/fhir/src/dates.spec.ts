import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DATE_PREFIXES, instantRange, rangeSatisfies, type DatePrefix, type TimeRange } from './dates.js'

const ms = (text: string) => Date.parse(text)

describe('dates', () => {
  it.each([
    ['2024', '2024-01-01T00:00:00Z', '2025-01-01T00:00:00Z'],
    ['2024-02', '2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['2024-12', '2024-12-01T00:00:00Z', '2025-01-01T00:00:00Z'],
    ['2024-02-29', '2024-02-29T00:00:00Z', '2024-03-01T00:00:00Z'],
    ['2024-02-29T10:20', '2024-02-29T10:20:00Z', '2024-02-29T10:21:00Z'],
    ['2024-02-29T10:20:30+02:00', '2024-02-29T08:20:30Z', '2024-02-29T08:20:31Z'],
    ['2024-02-29T10:20:30.5-01:30', '2024-02-29T11:50:30.500Z', '2024-02-29T11:50:30.600Z'],
    ['2024-02-29T10:20:30.123Z', '2024-02-29T10:20:30.123Z', '2024-02-29T10:20:30.124Z'],
  ])('%s is the whole of what it names', (text, from, until) => {
    expect(instantRange(text)).toEqual({ from: ms(from), until: ms(until) })
  })

  it.each(['', 'x', '24', '2024-13', '2024-02-30', '2023-02-29', '2024-01-01T25:00Z', '2024-01-01T10:61Z', '2024-1-1'])(
    '%j is no date',
    (text) => {
      expect(instantRange(text)).toBeNull()
    },
  )

  it('compares as the naive reading of the standard over every millisecond does', () => {
    const range = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 6 }))
    fc.assert(
      fc.property(range, range, fc.constantFrom(...DATE_PREFIXES), (a, b, prefix) => {
        const target = { from: a[0], until: a[0] + a[1] }
        const searched = { from: b[0], until: b[0] + b[1] }
        expect(rangeSatisfies(target, prefix, searched)).toBe(naive(target, prefix, searched))
      }),
    )
  })
})

/** "The range of the search value fully contains that of the target", "the range above the value intersects with it". */
function naive(target: TimeRange, prefix: DatePrefix, searched: TimeRange): boolean {
  const points = Array.from({ length: target.until - target.from }, (_, i) => target.from + i)
  const inside = points.every((p) => p >= searched.from && p < searched.until)
  const above = points.some((p) => p >= searched.until)
  const below = points.some((p) => p < searched.from)
  return { eq: inside, ne: !inside, gt: above, lt: below, ge: inside || above, le: inside || below }[prefix]
}
