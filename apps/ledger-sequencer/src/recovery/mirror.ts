// A mirror of the log as C2SP tlog-tiles lays it out: at a URL, or in a folder that was exported. Nothing in it is
// believed; whoever reads it verifies.
import { parseBundle } from '@careseal/ledger-core'
import { tileAt, tilePath, TILE_WIDTH, type Tile } from '@careseal/merkle'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

export type Mirror = {
  checkpoint(): Promise<string>
  /** All entries below `size`, in order. Throws MirrorUnreadable where they end before. */
  entries(size: number): AsyncGenerator<Uint8Array>
}

/** A mirror that cannot be read, or lacks what its checkpoint says that it has. */
export class MirrorUnreadable extends Error {
  override readonly name = 'MirrorUnreadable'
}

const DEADLINE_MS = 30_000
const CHECKPOINT_BYTES_MAX = 64 * 1024

type Read = (path: string) => Promise<Uint8Array | null>

/** `from` is a base URL below which `checkpoint` and `tile/…` are, or a folder with the same files. */
export function openMirror(from: string): Mirror {
  const read = /^https?:/.test(from) ? readUrl(from.replace(/\/+$/, '')) : readFolder(from)
  return {
    checkpoint: async () => {
      const bytes = await read('checkpoint')
      if (!bytes || bytes.length > CHECKPOINT_BYTES_MAX) throw new MirrorUnreadable(`${from} has no checkpoint`)
      return Buffer.from(bytes).toString('utf8')
    },
    entries: (size) => entriesOf(read, size),
  }
}

async function* entriesOf(read: Read, size: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const tile = tileAt(size, 'entries', index) as Tile
    // A partial bundle may be gone once the full one is there (tlog-tiles).
    const bytes = (await read(tilePath(tile))) ?? (await read(tilePath({ ...tile, width: TILE_WIDTH })))
    const entries = bytes ? parseBundle(bytes).slice(0, tile.width) : []
    if (entries.length < tile.width) throw new MirrorUnreadable(`${tilePath(tile)} is not all there`)
    yield* entries
  }
}

function readFolder(folder: string): Read {
  return async (path) => {
    try {
      return await readFile(join(folder, path))
    } catch (error) {
      if (['ENOENT', 'EISDIR'].includes(String((error as NodeJS.ErrnoException).code))) return null
      throw error
    }
  }
}

function readUrl(base: string): Read {
  return async (path) => {
    const response = await fetch(`${base}/${path}`, { signal: AbortSignal.timeout(DEADLINE_MS) }).catch(
      (cause: unknown) => {
        throw new MirrorUnreadable(`${base} does not answer`, { cause })
      },
    )
    if (response.status === 404) return null
    if (!response.ok) throw new MirrorUnreadable(`${base}/${path} answers ${response.status}`)
    return new Uint8Array(await response.arrayBuffer())
  }
}
