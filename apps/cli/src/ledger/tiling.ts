// Cuts a stream of entries into the files of C2SP tlog-tiles: bundles and tiles of every level, each as soon as it is
// whole, and the partial ones at the end. Keeps the right edge of the tree and nothing else.
import { sha256 } from '@careseal/crypto'
import { formatBundle } from '@careseal/ledger-core'
import { CompactRange, joined, leafHash, levelSize, TILE_WIDTH, TileBuilder, type Tile } from '@careseal/merkle'

/** One file: where it stands, and what it holds. */
export type TileFile = Tile & { bytes: Uint8Array }

export class Tiling {
  private readonly range = CompactRange.empty(sha256)
  private readonly tiles = TileBuilder.empty()
  private bundle: Uint8Array[] = []

  constructor(private readonly onFile: (file: TileFile) => void) {}

  add(entry: Uint8Array): void {
    this.bundle.push(entry)
    this.range.append(leafHash(sha256, entry), this.tiles.onNode)
    if (this.bundle.length === TILE_WIDTH) this.endBundle()
    for (const { level, index, hashes } of this.tiles.take()) {
      this.onFile({ level, index, width: TILE_WIDTH, bytes: hashes })
    }
  }

  /** Hands out what is partial. No entry may follow. */
  end(): void {
    if (this.bundle.length > 0) this.endBundle()
    for (const [level, hashes] of this.tiles.partial.entries()) {
      const index = Math.floor(levelSize(this.range.size, level) / TILE_WIDTH)
      if (hashes.length > 0) this.onFile({ level, index, width: hashes.length, bytes: joined(hashes) })
    }
  }

  /** Hands on each entry once it is added. */
  async *through(entries: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const entry of entries) {
      this.add(entry)
      yield entry
    }
  }

  private endBundle(): void {
    const index = Math.ceil(this.range.size / TILE_WIDTH) - 1
    this.onFile({ level: 'entries', index, width: this.bundle.length, bytes: formatBundle(this.bundle) })
    this.bundle = []
  }
}
