import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CompactRange, merkleRoot } from './compact-range.js'
import type { Hash } from './hash.js'
import { GrowingTree, joined, openWidths, TileBuilder, type FullTile } from './tile-builder.js'
import { TILE_LEVELS } from './tiles.js'

const sha256 = (...chunks: Uint8Array[]): Hash =>
  new Uint8Array(createHash('sha256').update(Buffer.concat(chunks)).digest())

const leafHash = (i: number): Hash => sha256(Uint8Array.of(i >>> 16, (i >>> 8) & 255, i & 255))

const leavesFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => leafHash(first + i))

// tlog-tiles: hash i of tile n at level l is the root of 256^l leaves.
function naiveTile(level: number, index: number): Omit<FullTile, 'root'> & { root: Hash } {
  const width = 256 ** level
  const start = index * 256 * width
  const hashes = Array.from({ length: 256 }, (_, i) => merkleRoot(sha256, leavesFrom(start + i * width, width)))
  return { level, index, hashes: joined(hashes), root: merkleRoot(sha256, hashes) }
}

describe('the tile builder', () => {
  const size = 256 * 256 + 300
  const tree = new GrowingTree(CompactRange.empty(sha256), TileBuilder.empty())
  for (let i = 0; i < size; i++) tree.append(leafHash(i))
  const tiles = tree.takeFullTiles()
  const found = (level: number, index: number) => tiles.find((t) => t.level === level && t.index === index)

  it('fills each tile once, on every level', () => {
    expect(tiles.filter((t) => t.level === 0).map((t) => t.index)).toEqual(Array.from({ length: 257 }, (_, i) => i))
    expect(tiles.filter((t) => t.level > 0).map((t) => [t.level, t.index])).toEqual([[1, 0]])
    expect(tree.takeFullTiles()).toEqual([])
  })

  it('fills them with the hashes that the specification names', () => {
    for (const [level, index] of [
      [0, 0],
      [0, 131],
      [0, 256],
      [1, 0],
    ] as const) {
      const naive = naiveTile(level, index)
      const tile = found(level, index)
      expect(Buffer.from(tile?.hashes ?? []).equals(naive.hashes)).toBe(true)
      expect(Buffer.from(tile?.root ?? []).equals(naive.root)).toBe(true)
    }
  })

  it('knows how much of each level is open', () => {
    expect(openWidths(size)).toEqual([44, 1, 1, ...Array<number>(TILE_LEVELS - 3).fill(0)])
    expect(openWidths(0)).toEqual(Array<number>(TILE_LEVELS).fill(0))
  })
})
