// The files of a mirrored log: tiles and bundles under the paths of C2SP tlog-tiles, and `state.json`, which says up to
// which size they count. Whatever lies beyond that size was never verified to its end: it is read and verified again, and
// serves nobody.
import { readIfThere, replaceDurably } from '@careseal/cosigner'
import { formatBundle, parseBundle, type VerifiedState } from '@careseal/ledger-core'
import { HASH_BYTES, partialTiles, TILE_WIDTH, tileAt, tilePath, type Hash, type Tile } from '@careseal/merkle'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, WitnessUnfit } from '../state/state-folder.js'

/** `note` is the co-signed checkpoint of this size with the log's signatures; `verified` is where to go on from. */
export type MirrorState = { size: number; time: number; note: string; verified: VerifiedState }

export class MirrorFolder {
  private constructor(
    private readonly path: string,
    private current: MirrorState | null,
  ) {}

  /** Throws WitnessUnfit when its state cannot be read. */
  static async open(path: string): Promise<MirrorFolder> {
    await makeFolder(path)
    const text = await readIfThere(join(path, 'state.json'))
    return new MirrorFolder(path, text === null ? null : parseState(text, path))
  }

  /** Null before the first pull. */
  get state(): MirrorState | null {
    return this.current
  }

  get size(): number {
    return this.current?.size ?? 0
  }

  async write(tile: Tile, bytes: Uint8Array): Promise<void> {
    const file = this.file(tile)
    await makeFolder(dirname(file))
    await replaceDurably(file, bytes)
  }

  /** All tiles up to the state's size must have been written. If we crash before the end, the older state counts. */
  async replaceState(state: MirrorState): Promise<void> {
    const before = this.size
    await replaceDurably(join(this.path, 'state.json'), `${JSON.stringify({ v: 1, ...state })}\n`)
    this.current = state
    for (const tile of partialsOf(before)) {
      if (this.file(tile) !== this.fileOf(tile)) await rm(this.file(tile), { force: true })
    }
  }

  /** The hashes of the tile that this tree has at a place; throws when it has none there. */
  async hashes(level: number, index: number): Promise<Hash[]> {
    const bytes = await this.bytes(tileAt(this.size, level, index)!)
    return Array.from({ length: bytes.length / HASH_BYTES }, (_, i) =>
      bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    )
  }

  /** A tile or bundle, cut to its width; null when this tree has none that is so wide. */
  async tile(asked: { level: number | 'entries'; index: bigint; width: number }): Promise<Uint8Array | null> {
    const index = Number(asked.index)
    const size = this.size
    const held = Number.isSafeInteger(index) ? tileAt(size, asked.level, index) : null
    if (held === null || held.width < asked.width) return null
    try {
      return cut(held, asked.width, await this.bytes(held))
    } catch (error) {
      // The tree grew meanwhile, and what was partial is gone.
      if (this.size === size) throw error
      return this.tile(asked)
    }
  }

  /** The full bundle of a pull that did not come to its end; null when there is none that can be read. Not verified. */
  async kept(index: number): Promise<Uint8Array[] | null> {
    try {
      const entries = parseBundle(await this.bytes({ level: 'entries', index, width: TILE_WIDTH }))
      return entries.length === TILE_WIDTH ? entries : null
    } catch {
      return null
    }
  }

  /** The entries of the last, partial bundle. */
  async openEntries(): Promise<Uint8Array[]> {
    const [tile] = partialsOf(this.size).filter(({ level }) => level === 'entries')
    return tile ? parseBundle(await this.bytes(tile)) : []
  }

  private bytes(tile: Tile): Promise<Uint8Array> {
    return readFile(this.file(tile))
  }

  private file(tile: Tile): string {
    return join(this.path, tilePath(tile))
  }

  private fileOf({ level, index }: Tile): string | null {
    const held = tileAt(this.size, level, Number(index))
    return held && this.file(held)
  }
}

/** What of a tree is partial: hashes on each level, and the last bundle. */
export function partialsOf(size: number): Tile[] {
  const tiles = partialTiles(size)
  const leaves = tiles.find(({ level }) => level === 0)
  return leaves ? [...tiles, { ...leaves, level: 'entries' }] : tiles
}

function cut(held: Tile, width: number, bytes: Uint8Array): Uint8Array {
  if (width === held.width) return bytes
  if (held.level === 'entries') return formatBundle(parseBundle(bytes).slice(0, width))
  return bytes.subarray(0, width * HASH_BYTES)
}

function parseState(text: string, path: string): MirrorState {
  try {
    const { v, ...state } = JSON.parse(text) as MirrorState & { v: unknown }
    if (v === 1 && state.size === state.verified.treeSize) return state
  } catch {
    // Told below.
  }
  throw new WitnessUnfit(
    'state-broken',
    `${path}/state.json cannot be read: delete ${path}, and the mirror pulls it anew`,
  )
}
