// Paths and geometry of C2SP tlog-tiles: 256 hashes a tile, level 0 the leaves, each level above the roots of full tiles.
import { nodeHash, type Hash, type Sha256 } from './hash.js'

export const TILE_WIDTH = 256
/** Tile levels that a tree below 2^53 leaves can have, rounded up. */
export const TILE_LEVELS = 7

const LEVEL_BITS = 8
const PATH = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/

/** A tile of hashes, or with level `entries` a bundle of entries. `width` 256 is a full one. */
export type Tile = { level: number | 'entries'; index: number | bigint; width: number }

/** `tile/0/x001/x234/067.p/89`: relative to the log's prefix, without a leading slash. */
export function tilePath({ level, index, width }: Tile): string {
  const partial = width === TILE_WIDTH ? '' : `.p/${width}`
  return `tile/${level}/${indexPath(index)}${partial}`
}

/** The path that `tilePath` made, or null. One tile has one path; an index beyond 2^63 − 1 is none. */
export function parseTilePath(path: string): { level: number | 'entries'; index: bigint; width: number } | null {
  const match = PATH.exec(path)
  if (match === null) return null
  const level = match[1] === 'entries' ? 'entries' : Number(match[1])
  const index = BigInt((match[2] as string).replaceAll(/[x/]/g, ''))
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3])
  if (level !== 'entries' && level > 63) return null
  if (index >= 1n << 63n || (match[3] !== undefined && width >= TILE_WIDTH)) return null
  return indexPath(index) === match[2] ? { level, index, width } : null
}

function indexPath(index: number | bigint): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) as string[]
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}

/** How many hashes a level has in a tree of `size`: what is in full tiles, and what is not, together. */
export function levelSize(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The partial tiles of a tree, level by level: exactly those whose width is not 0. */
export function partialTiles(size: number): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const width = levelSize(size, level) % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(levelSize(size, level) / TILE_WIDTH), width })
  }
  return tiles
}

/** The tile, full or partial, that a tree of `size` has at a place; null when it has none there. */
export function tileAt(size: number, level: number | 'entries', index: number): Tile | null {
  const width = Math.min(TILE_WIDTH, levelSize(size, level === 'entries' ? 0 : level) - index * TILE_WIDTH)
  return width > 0 ? { level, index, width } : null
}

/** Where a node's hash comes from: the hashes [first, first + count) of a tile, folded. */
export type NodePlace = { tileLevel: number; tileIndex: number; first: number; count: number; level: number }

/** The tile that a perfect subtree lies in; `level` counts inside the tile, from 0. */
export function nodeTile(level: number, index: number): NodePlace {
  const inside = level % LEVEL_BITS
  const count = 2 ** inside
  const perTile = TILE_WIDTH / count
  return {
    tileLevel: (level - inside) / LEVEL_BITS,
    tileIndex: Math.floor(index / perTile),
    first: (index % perTile) * count,
    count,
    level: inside,
  }
}

/** A perfect subtree's place: leaves [index * 2^level, (index + 1) * 2^level). */
export type Node = { level: number; index: number }

/** The perfect subtrees that a subtree [start, end) falls into, largest first. */
export function perfectSubtrees(start: number, end: number): Node[] {
  const nodes: Node[] = []
  for (let at = start; at < end;) {
    let level = 0
    let width = 1
    while (at % (2 * width) === 0 && at + 2 * width <= end) {
      level += 1
      width *= 2
    }
    nodes.push({ level, index: at / width })
    at += width
  }
  return nodes
}

/** A `rangeHash` for proofs over anything that knows the hashes of perfect subtrees, such as tiles. */
export function rangeHashFrom(
  sha256: Sha256,
  nodeAt: (level: number, index: number) => Hash | Promise<Hash>,
): (start: number, end: number) => Promise<Hash> {
  return async (start, end) => {
    const hashes: Hash[] = []
    for (const { level, index } of perfectSubtrees(start, end)) hashes.push(await nodeAt(level, index))
    return hashes.reduceRight((right, left) => nodeHash(sha256, left, right))
  }
}

/** The root of a power of two of hashes: how a node is read out of its tile. */
export function foldPerfect(sha256: Sha256, hashes: readonly Hash[]): Hash {
  let row = hashes
  while (row.length > 1) {
    const above: Hash[] = []
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(sha256, row[i] as Hash, row[i + 1] as Hash))
    row = above
  }
  return row[0] as Hash
}
