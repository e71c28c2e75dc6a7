// Collects the nodes of a growing tree into full tiles. It hears of the nodes that the compact range makes anyway, so a
// tile costs no hash of its own.
import type { CompactRange } from './compact-range.js'
import { HASH_BYTES, type Hash } from './hash.js'
import { levelSize, TILE_LEVELS, TILE_WIDTH } from './tiles.js'

/** 256 hashes in 8192 bytes, and the root over them. */
export type FullTile = { level: number; index: number; hashes: Uint8Array; root: Uint8Array }

const TILE_BITS = 8

/** The open, partial tiles on the right edge of a tree, level by level. */
export class TileBuilder {
  private full: FullTile[] = []

  /** `open[level]` holds the hashes of that level's partial tile: levelSize(size, level) mod 256 of them. */
  constructor(private readonly open: Hash[][]) {}

  static empty(): TileBuilder {
    return new TileBuilder(Array.from({ length: TILE_LEVELS }, () => []))
  }

  /** A NodeListener for CompactRange.append. */
  readonly onNode = (level: number, index: number, hash: Hash): void => {
    if (level % TILE_BITS !== 0) return
    const tileLevel = level / TILE_BITS
    if (tileLevel > 0) this.close(tileLevel - 1, index, hash)
    this.open[tileLevel]?.push(hash)
  }

  /** The partial tiles as they are now, from level 0 on: the hashes of each. */
  get partial(): readonly (readonly Hash[])[] {
    return this.open
  }

  /** The same open tiles, to grow on their own. What was full and not taken stays behind. */
  clone(): TileBuilder {
    return new TileBuilder(this.open.map((hashes) => [...hashes]))
  }

  /** The tiles that have become full since the last call. */
  take(): FullTile[] {
    const full = this.full
    this.full = []
    return full
  }

  private close(level: number, index: number, root: Hash): void {
    const hashes = this.open[level]
    if (hashes?.length !== TILE_WIDTH) throw new Error('a tile closed that is not full')
    this.full.push({ level, index, hashes: joined(hashes), root })
    this.open[level] = []
  }
}

/** Hashes as a tile holds them: one after the other. */
export function joined(hashes: readonly Hash[]): Uint8Array {
  const bytes = new Uint8Array(hashes.length * HASH_BYTES)
  for (const [i, hash] of hashes.entries()) bytes.set(hash, i * HASH_BYTES)
  return bytes
}

/** How many hashes each level's partial tile has in a tree of `size`. */
export function openWidths(size: number): number[] {
  return Array.from({ length: TILE_LEVELS }, (_, level) => levelSize(size, level) % TILE_WIDTH)
}

/** A tree that grows at its right edge: the compact range for roots, the builder for tiles. */
export class GrowingTree {
  constructor(
    readonly range: CompactRange,
    readonly tiles: TileBuilder,
  ) {}

  append(leafHash: Hash): void {
    this.range.append(leafHash, this.tiles.onNode)
  }

  takeFullTiles(): FullTile[] {
    return this.tiles.take()
  }
}
