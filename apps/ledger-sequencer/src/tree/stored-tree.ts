// The tree as the database holds it, up to one size: tiles full and partial, nodes and proofs, each in a number of reads
// that grows with the logarithm of the size at most.
import {
  CompactRange,
  foldPerfect,
  GrowingTree,
  leafHash,
  levelSize,
  nodeTile,
  openWidths,
  perfectSubtrees,
  rangeHashFrom,
  TILE_LEVELS,
  TILE_WIDTH,
  TileBuilder,
  type Hash,
  type NodePlace,
  type Sha256,
} from '@careseal/merkle'
import type { Sql } from '../database/connections.js'
import { loadEntries } from './block-rows.js'

const HASH_BYTES = 32
/** Nodes over fewer hashes of a tile are folded anew each time. */
const KEPT_FOLDS_MIN = 16

/** Remembers tiles and nodes between reads: the first `width` hashes of a tile never change, nor does a node over them. */
export type TileCache = { get(key: string): Uint8Array | undefined; set(key: string, hashes: Uint8Array): void }

/** Reads a tree of a fixed size. Callers see to it that the size is committed. */
export class StoredTree {
  constructor(
    private readonly sql: Sql,
    private readonly sha256: Sha256,
    readonly size: number,
    private readonly cache: TileCache = new Map(),
  ) {}

  /** The root of the leaves [start, end), end ≤ size: what proofs are made of. */
  readonly rangeHash = (start: number, end: number): Promise<Hash> =>
    rangeHashFrom(this.sha256, (level, index) => this.node(level, index))(start, end)

  async root(): Promise<Hash> {
    return (await this.compactRange()).root()
  }

  async compactRange(): Promise<CompactRange> {
    const hashes: Hash[] = []
    for (const { level, index } of perfectSubtrees(0, this.size)) hashes.push(await this.node(level, index))
    return CompactRange.from(this.sha256, this.size, hashes)
  }

  /** The tree in a form that grows. */
  async growing(): Promise<GrowingTree> {
    const open: Hash[][] = []
    for (const [level, width] of openWidths(this.size).entries()) {
      const index = Math.floor(levelSize(this.size, level) / TILE_WIDTH)
      open.push(width === 0 ? [] : cut(await this.tile(level, index, width)))
    }
    return new GrowingTree(await this.compactRange(), new TileBuilder(open))
  }

  /** The first `width` hashes of a tile, which must be below the size. */
  async tile(level: number, index: number, width: number): Promise<Uint8Array> {
    if (level >= TILE_LEVELS || index * TILE_WIDTH + width > levelSize(this.size, level)) {
      throw new RangeError(`no tile ${level}/${index} of width ${width} in a tree of size ${this.size}`)
    }
    const key = `${level}/${index}/${width}`
    const known = this.cache.get(key)
    if (known) return known
    const hashes = await this.readTile(level, index, width)
    if (hashes.length !== width * HASH_BYTES) throw new Error(`tile ${key} is not all there`)
    this.cache.set(key, hashes)
    return hashes
  }

  private async readTile(level: number, index: number, width: number): Promise<Uint8Array> {
    const full = await this.sql.query<{ hashes: Buffer }>(
      'SELECT substring(hashes FOR $3) AS hashes FROM tile WHERE level = $1 AND index = $2',
      [level, index, width * HASH_BYTES],
    )
    if (full.rows[0]) return full.rows[0].hashes
    const start = index * TILE_WIDTH
    if (level > 0) return this.rootsBelow(level - 1, start, width)
    const entries = await loadEntries(this.sql, start, start + width)
    return Buffer.concat(entries.map((bytes) => leafHash(this.sha256, bytes)))
  }

  private async rootsBelow(level: number, start: number, width: number): Promise<Uint8Array> {
    const below = await this.sql.query<{ root: Buffer }>(
      'SELECT root FROM tile WHERE level = $1 AND index >= $2 AND index < $3 ORDER BY index',
      [level, start, start + width],
    )
    return Buffer.concat(below.rows.map((row) => row.root))
  }

  // Proofs share most of their upper nodes, and to fold one takes up to 127 hashes.
  private async node(level: number, index: number): Promise<Hash> {
    const place = nodeTile(level, index)
    if (place.tileLevel === 0 || place.count < KEPT_FOLDS_MIN) return this.fold(place)
    const key = `node/${level}/${index}`
    const known = this.cache.get(key)
    if (known) return known
    const hash = await this.fold(place)
    this.cache.set(key, hash)
    return hash
  }

  private async fold({ tileLevel, tileIndex, first, count }: NodePlace): Promise<Hash> {
    const end = first + count
    const width = Math.min(TILE_WIDTH, levelSize(this.size, tileLevel) - tileIndex * TILE_WIDTH)
    const hashes = await this.tile(tileLevel, tileIndex, Math.max(width, end))
    return foldPerfect(this.sha256, cut(hashes.subarray(first * HASH_BYTES, end * HASH_BYTES)))
  }
}

/** Packed hashes as single ones. */
export function cut(packed: Uint8Array): Hash[] {
  return Array.from({ length: packed.length / HASH_BYTES }, (_, i) =>
    packed.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  )
}
