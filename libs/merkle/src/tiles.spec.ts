import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { levelSize, nodeTile, parseTilePath, partialTiles, tileAt, tilePath, type Tile } from './tiles.js'

const tile: fc.Arbitrary<Tile> = fc.record({
  level: fc.oneof(fc.constant('entries' as const), fc.nat(63)),
  index: fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: (1n << 63n) - 1n })),
  width: fc.integer({ min: 1, max: 256 }),
})

describe('tile paths', () => {
  test.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 3, index: 1234067, width: 256 }, 'tile/3/x001/x234/067'],
    [{ level: 3, index: 1234067, width: 89 }, 'tile/3/x001/x234/067.p/89'],
    [{ level: 'entries' as const, index: 1000, width: 1 }, 'tile/entries/x001/000.p/1'],
  ])('of %j is %s', (tile, path) => {
    expect(tilePath(tile)).toBe(path)
  })

  test('read back as the tile they were made of', () => {
    fc.assert(
      fc.property(tile, (each) => {
        expect(parseTilePath(tilePath(each))).toEqual({ ...each, index: BigInt(each.index) })
      }),
    )
  })

  test('have one spelling: what reads is what would be written', () => {
    const piece = fc.constantFrom('tile', '/', '0', '00', '000', 'x', '001', '.p/', '256', '255', 'entries', '63', '64')
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const path = pieces.join('')
        const parsed = parseTilePath(path)
        expect(parsed === null || tilePath(parsed) === path).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test.each([
    'tile/0/001/002',
    'tile/0/x000/001',
    'tile/0/x001',
    'tile/0/x001/0002',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/256',
    'tile/0/000.p/01',
    'tile/64/000',
    'tile/00/000',
    '/tile/0/000',
    'tile/0/000\n',
    'tile/0/x009/x223/x372/x036/x854/x775/808',
  ])('refuse %j', (path) => {
    expect(parseTilePath(path)).toBeNull()
  })
})

describe('tile geometry', () => {
  test('of 70000 leaves', () => {
    expect(partialTiles(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ])
  })

  test('of a tree without leaves is no tile', () => {
    expect(partialTiles(0)).toEqual([])
    expect(tileAt(0, 0, 0)).toBeNull()
  })

  test('of 256 leaves is a full tile and a partial one above', () => {
    expect(partialTiles(256)).toEqual([{ level: 1, index: 0, width: 1 }])
    expect(tileAt(256, 0, 0)).toEqual({ level: 0, index: 0, width: 256 })
    expect(tileAt(256, 'entries', 0)).toEqual({ level: 'entries', index: 0, width: 256 })
  })

  test('finds each tile full, partial, or not there', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000_000 }), fc.nat(3), fc.nat(50_000), (size, level, index) => {
        const hashes = Math.max(0, Math.min(256, levelSize(size, level) - index * 256))
        expect(tileAt(size, level, index)).toEqual(hashes === 0 ? null : { level, index, width: hashes })
      }),
    )
  })

  test('puts every node of a tree into the one tile that covers its leaves', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(1000), (level, index) => {
        const place = nodeTile(level, index)
        const leavesPerHash = 256 ** place.tileLevel
        expect((place.tileIndex * 256 + place.first) * leavesPerHash).toBe(index * 2 ** level)
        expect(place.count * leavesPerHash).toBe(2 ** level)
        expect(place.first + place.count).toBeLessThanOrEqual(256)
        expect(place.count).toBeLessThan(256)
      }),
    )
  })
})
