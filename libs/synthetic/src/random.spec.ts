import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from './random.js'

const draw = (seed: string) => Array.from(seededRandom(seed).bytes(20))

describe('seeded random', () => {
  it('repeats itself for the same seed and differs for another', () => {
    expect(draw('a')).toEqual(draw('a'))
    expect(draw('a')).not.toEqual(draw('b'))
  })

  it('stays between its bounds', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: -50, max: 50 }), fc.nat(100), (seed, low, width) => {
        const random = seededRandom(seed)
        const draws = Array.from({ length: 50 }, () => random.integer(low, low + width))
        expect(Math.min(...draws)).toBeGreaterThanOrEqual(low)
        expect(Math.max(...draws)).toBeLessThanOrEqual(low + width)
      }),
    )
  })

  it('reaches every item about equally often', () => {
    const random = seededRandom(1)
    const counts = new Map<string, number>()
    for (let i = 0; i < 3000; i++) {
      const letter = random.pick(['a', 'b', 'c'])
      counts.set(letter, (counts.get(letter) ?? 0) + 1)
    }
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(120)
  })

  it('shuffles without losing anything', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
        expect(seededRandom(seed).shuffle(items).toSorted()).toEqual(items.toSorted())
      }),
    )
  })

  it('makes version 4 UUIDs', () => {
    expect(seededRandom('u').uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('picks nothing from nothing', () => {
    expect(() => seededRandom(1).pick([])).toThrow('nothing to pick from')
  })
})
