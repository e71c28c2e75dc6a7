// Makes tiles and bundles out of entries as they pass by on their way to the verifier. The tiles are hashed here and not
// fetched: so they are those of the entries, whatever the log serves.
import { sha256 } from '@careseal/crypto'
import { formatBundle } from '@careseal/ledger-core'
import { fromHex } from '@careseal/crypto'
import {
  CompactRange,
  GrowingTree,
  joined,
  leafHash,
  partialTiles,
  TILE_LEVELS,
  TILE_WIDTH,
  TileBuilder,
  type Hash,
} from '@careseal/merkle'
import type { MirrorFolder } from './mirror-folder.js'

export class TileWriter {
  private constructor(
    private readonly folder: MirrorFolder,
    private readonly tree: GrowingTree,
    private entries: Uint8Array[],
  ) {}

  /** Goes on where the folder's state ends. */
  static async from(folder: MirrorFolder): Promise<TileWriter> {
    const open: Hash[][] = Array.from({ length: TILE_LEVELS }, () => [])
    for (const { level, index } of partialTiles(folder.size)) {
      open[level as number] = await folder.hashes(level as number, Number(index))
    }
    const hashes = (folder.state?.verified.hashes ?? []).map((hash) => fromHex(hash, 32))
    const range = CompactRange.from(sha256, folder.size, hashes)
    return new TileWriter(folder, new GrowingTree(range, new TileBuilder(open)), await folder.openEntries())
  }

  /** Hands the entries on, each before it is written. */
  async *through(entries: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of entries) {
      yield bytes
      this.entries.push(bytes)
      this.tree.append(leafHash(sha256, bytes))
      if (this.entries.length === TILE_WIDTH) await this.writeFull()
    }
  }

  /** Writes what is partial at the end; then all files of this size are there. */
  async finish(): Promise<void> {
    const { range, tiles } = this.tree
    for (const tile of partialTiles(range.size)) {
      await this.folder.write(tile, joined(tiles.partial[tile.level as number] ?? []))
    }
    const { length: width } = this.entries
    const index = Math.floor(range.size / TILE_WIDTH)
    if (width > 0) await this.folder.write({ level: 'entries', index, width }, formatBundle(this.entries))
  }

  private async writeFull(): Promise<void> {
    const index = this.tree.range.size / TILE_WIDTH - 1
    await this.folder.write({ level: 'entries', index, width: TILE_WIDTH }, formatBundle(this.entries))
    this.entries = []
    for (const tile of this.tree.takeFullTiles()) {
      await this.folder.write({ level: tile.level, index: tile.index, width: TILE_WIDTH }, tile.hashes)
    }
  }
}
