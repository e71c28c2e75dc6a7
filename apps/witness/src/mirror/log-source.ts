// Reads entries out of a log over HTTP, as C2SP tlog-tiles serves them. Nothing that comes is believed here.
import { parseBundle } from '@careseal/ledger-core'
import { tileAt, tilePath, TILE_WIDTH, type Tile } from '@careseal/merkle'

/** The log does not answer, or not with what a log of this size has. */
export class SourceFailed extends Error {
  override readonly name = 'SourceFailed'
}

/** The 256 entries of a bundle that was fetched before, or null. */
export type KeptBundles = (index: number) => Promise<Uint8Array[] | null>

const TIMEOUT_MS = 20_000
/** 256 entries of 65,535 bytes, each behind its length. */
const BUNDLE_BYTES_MAX = TILE_WIDTH * (65_535 + 2)

export class LogSource {
  /** `signal` ends what is under way. */
  constructor(
    private readonly url: string,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * The entries [start, size) of a tree of `size`; `kept` has full bundles that need not be fetched, or null. Throws
   * SourceFailed or Malformed.
   */
  async *entries(start: number, size: number, kept: KeptBundles = async () => null): AsyncGenerator<Uint8Array> {
    let skip = start % TILE_WIDTH
    for (let index = (start - skip) / TILE_WIDTH; index * TILE_WIDTH < size; index++) {
      const tile = tileAt(size, 'entries', index)!
      const bundle = tile.width === TILE_WIDTH ? await kept(index) : null
      yield* (bundle ?? (await this.bundle(tile))).slice(skip)
      skip = 0
    }
  }

  private async bundle(tile: Tile): Promise<Uint8Array[]> {
    // A log may drop a partial bundle once the full one is there.
    const bytes = (await this.fetch(tilePath(tile))) ?? (await this.fetch(tilePath({ ...tile, width: TILE_WIDTH })))
    const entries = bytes ? parseBundle(bytes) : []
    if (entries.length < tile.width) throw new SourceFailed(`${this.url} does not have ${tilePath(tile)}`)
    return entries.slice(0, tile.width)
  }

  /** Null for 404. */
  private async fetch(path: string): Promise<Uint8Array | null> {
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(TIMEOUT_MS)])
    const response = await fetch(`${this.url}/${path}`, { signal, redirect: 'error' })
    if (response.status === 200 && response.body) return bounded(response.body)
    await response.body?.cancel()
    if (response.status === 404) return null
    throw new SourceFailed(`${this.url} answers ${response.status} for ${path}`)
  }
}

async function bounded(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > BUNDLE_BYTES_MAX) throw new SourceFailed('a bundle of entries is longer than any can be')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
