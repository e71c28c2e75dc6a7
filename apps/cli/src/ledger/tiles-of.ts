// Which files a tree of some size has, without holding all of their names.
import { levelSize, TILE_WIDTH, type Tile } from '@careseal/merkle'

/** Every bundle and tile that a tree of this size has: bundles first, level by level; never all of them in memory. */
export function* tilesOf(size: number): Generator<Tile> {
  yield* tilesOfLevel('entries', size)
  for (let level = 0; levelSize(size, level) > 0; level++) yield* tilesOfLevel(level, levelSize(size, level))
}

function* tilesOfLevel(level: Tile['level'], count: number): Generator<Tile> {
  for (let index = 0; index * TILE_WIDTH < count; index++) {
    yield { level, index, width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH) }
  }
}

/** How many of them there are. */
export function tileCount(size: number): number {
  let count = Math.ceil(size / TILE_WIDTH)
  for (let level = 0; levelSize(size, level) > 0; level++) count += Math.ceil(levelSize(size, level) / TILE_WIDTH)
  return count
}
