// Answers questions about what is committed. Everything is read from the database, so any replica may answer.
import { latestOf } from '@careseal/contracts'
import { formatBundle, formatTlogProof, logKeysAt, parseCheckpoint, parseNote } from '@careseal/ledger-core'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  TILE_LEVELS,
  tileAt,
  TILE_WIDTH,
  type Sha256,
} from '@careseal/merkle'
import { HttpProblem } from '@careseal/service-kit'
import { LRUCache } from 'lru-cache'
import type { Pool } from 'pg'
import type { LedgerStatus } from '../ledger-status.js'
import { loadCursors, loadHead } from '../database/head.js'
import { loadEntries, loadSummaries, type BlockSummary } from '../tree/block-rows.js'
import { StoredTree } from '../tree/stored-tree.js'
import { loadGovernance, loadKeys } from './governance.js'
import { notToBeShown } from './not-to-be-shown.js'
import { loadPublished, type Published } from './published.js'

/** `latest` is the newest incarnation of the producer's service: any other takes no more events. */
export type ProducerHead = { producer: string; latest: string; lastSeq: number; lastLink: string }

const TILES_KEPT = 1024

export class LedgerReader {
  private readonly tiles = new LRUCache<string, Uint8Array>({ max: TILES_KEPT })
  private largestShown = 0

  constructor(
    private readonly pool: Pool,
    private readonly sha256: Sha256,
    private readonly status: Pick<LedgerStatus, 'mayShow' | 'halt'>,
  ) {}

  /** For the module's end. */
  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }

  async sizes() {
    const { height, treeSize } = await loadHead(this.pool)
    const published = await loadPublished(this.pool)
    return { height, treeSize, publishedSize: published.size, ...(published.size > 0 ? publicationOf(published) : {}) }
  }

  /** The log's verifier keys whose signatures count now, one a line. */
  async vkeys(): Promise<string> {
    const { keys, treeSize } = await this.keys()
    return logKeysAt(keys, treeSize)
      .map((vkey) => `${vkey}\n`)
      .join('')
  }

  async blocks(from: number, limit: number) {
    const head = await loadHead(this.pool)
    const rows = await loadSummaries(this.pool, { from, limit })
    const last = rows.at(-1)?.height ?? head.height
    return { blocks: rows.map(describeBlock), next: last < head.height ? last + 1 : null, treeSize: head.treeSize }
  }

  async block(height: number) {
    const [row] = await loadSummaries(this.pool, { from: height, limit: 1 })
    if (row?.height === height) return describeBlock(row)
    const newest = (await loadHead(this.pool)).height
    throw new HttpProblem(404, 'block-unknown', `There is no block ${height}; the newest is block ${newest}.`)
  }

  async entries(from: number, limit: number) {
    const { treeSize } = await loadHead(this.pool)
    const end = Math.min(from + limit, treeSize)
    const entries = from < end ? await loadEntries(this.pool, from, end) : []
    return {
      entries: entries.map((bytes, i) => ({ index: from + i, bytes: base64(bytes) })),
      next: end < treeSize ? end : null,
      treeSize,
    }
  }

  async entry(index: number) {
    const { treeSize } = await loadHead(this.pool)
    requireBelow(index, treeSize)
    const [bytes] = (await loadEntries(this.pool, index, index + 1)) as [Uint8Array]
    const entry = JSON.parse(Buffer.from(bytes).toString('utf8')) as object
    return { index, bytes: base64(bytes), leafHash: hex(leafHash(this.sha256, bytes)), entry }
  }

  /** Genesis and administration entries from an index on: who was admitted, and what was changed, by whose approval. */
  async governance(from: number, limit: number) {
    const { treeSize } = await loadHead(this.pool)
    const { entries, next } = await loadGovernance(this.pool, { from, limit })
    return { entries: entries.map(({ bytes, ...facts }) => ({ ...facts, bytes: base64(bytes) })), next, treeSize }
  }

  /** The newest block and the published checkpoint. */
  async tip() {
    // In this order: what is published was committed before, so no checkpoint is told of whose blocks are not.
    const { size, root, note } = this.shown(await this.newestPublished())
    const { height } = await loadHead(this.pool)
    return { height, size, root: hex(root), note }
  }

  /** Every key that ever signed for this ledger, and for which sizes of the tree its signature counts. */
  async keys() {
    const known = await loadKeys(this.pool, this.sha256)
    if (!known) throw notInitialised()
    return { ...known, treeSize: (await loadHead(this.pool)).treeSize }
  }

  /** Whether the published checkpoint covers a tree of this size, so that nothing in it can change any more. */
  async isPublished(size: number): Promise<boolean> {
    return size <= (await loadPublished(this.pool)).size
  }

  /** The published checkpoint, to be shown. Throws 503 before the first, and while it may not be the newest (I8). */
  async published(): Promise<Published> {
    return this.shown(await this.anyPublished())
  }

  // Asked after the row was read: a ledger that is found to be rolled back meanwhile shows it no more.
  private shown(published: Published): Published {
    if (this.status.mayShow(published.size)) return published
    throw notToBeShown(this.status.halt)
  }

  // Also one that may be older than what was shown before: what it covers is right for ever all the same.
  private async anyPublished(): Promise<Published> {
    const published = await this.newestPublished()
    if (published.size > 0) return published
    throw new HttpProblem(503, 'not-published-yet', 'No checkpoint is published yet; try again in a second.', {
      headers: { 'retry-after': '1' },
    })
  }

  async inclusion(index: number, size?: number) {
    const tree = await this.treeOf(size)
    requireBelow(index, tree.size)
    const proof = await inclusionProof(index, tree.size, tree.rangeHash)
    return { index, size: tree.size, proof: proof.map(hex) }
  }

  async consistency(oldSize: number, newSize?: number) {
    const tree = await this.treeOf(newSize)
    if (oldSize < 1 || oldSize > tree.size) {
      const detail = `old must be from 1 to ${tree.size}, the newer of the two sizes; it is ${oldSize}.`
      throw new HttpProblem(400, 'old-size-out-of-range', detail)
    }
    const proof = await consistencyProof(oldSize, tree.size, tree.rangeHash)
    return { old: oldSize, new: tree.size, proof: proof.map(hex) }
  }

  /** An offline proof file over the published checkpoint. */
  async tlogProof(index: number): Promise<string> {
    const { size, note } = await this.published()
    requireBelow(index, size)
    const tree = this.tree(size)
    const proof = await inclusionProof(index, size, tree.rangeHash)
    return formatTlogProof({ index, proof, checkpoint: note })
  }

  /** Hashes of a tile, or the entries of a bundle, that the published tree has at this place. */
  async tile(tile: { level: number | 'entries'; index: bigint; width: number }): Promise<Uint8Array> {
    const { size } = await this.anyPublished()
    const index = Number(tile.index)
    const there = tile.level === 'entries' || tile.level < TILE_LEVELS ? tileAt(size, tile.level, index) : null
    if (!there || tile.width > there.width) {
      throw new HttpProblem(404, 'tile-beyond-checkpoint', `The published tree of size ${size} has no such tile.`)
    }
    if (tile.level !== 'entries') return this.tree(size).tile(tile.level, index, tile.width)
    const first = index * TILE_WIDTH
    return formatBundle(await loadEntries(this.pool, first, first + tile.width))
  }

  async producer(name: string): Promise<ProducerHead> {
    const found = (await this.producers()).find(({ producer }) => producer === name)
    if (found) return found
    throw new HttpProblem(404, 'producer-not-admitted', 'No producer of this name is admitted.')
  }

  /** All producers that were ever admitted, by name. */
  async producers(): Promise<ProducerHead[]> {
    const cursors = await loadCursors(this.pool)
    const names = cursors.map(({ producer }) => producer)
    return cursors.map(({ producer, lastSeq, lastLink }) => {
      return { producer, latest: latestOf(producer, names), lastSeq, lastLink: hex(lastLink) }
    })
  }

  // A database that was restored beneath this process holds an older checkpoint than clients have seen from it (I8).
  private async newestPublished(): Promise<Published> {
    // What was shown before the question was asked: another request may show something newer while this one waits.
    const { largestShown } = this
    const published = await loadPublished(this.pool)
    if (published.size < largestShown) {
      const detail = `The database holds the checkpoint of size ${published.size}; ${largestShown} was shown before.`
      throw new HttpProblem(503, 'checkpoint-went-back', detail, { headers: { 'retry-after': '1' } })
    }
    this.largestShown = Math.max(this.largestShown, published.size)
    return published
  }

  private tree(size: number): StoredTree {
    return new StoredTree(this.pool, this.sha256, size, this.tiles)
  }

  private async treeOf(size: number | undefined): Promise<StoredTree> {
    if (size === undefined) return this.tree((await this.published()).size)
    const published = await this.anyPublished()
    if (size >= 1 && size <= published.size) return this.tree(size)
    const detail = `The size must be from 1 to ${published.size}, the published tree size; it is ${size}.`
    throw new HttpProblem(size < 1 ? 400 : 404, 'size-beyond-checkpoint', detail)
  }
}

function notInitialised(): HttpProblem {
  return new HttpProblem(503, 'no-genesis', 'The ledger is not initialised.')
}

function publicationOf({ cosignedAt, note }: Published) {
  const { text, signatures } = parseNote(note)
  const { origin } = parseCheckpoint(text)
  // The log's key bears the origin as its name, and nobody else's does.
  const cosignedBy = signatures.map(({ name }) => name).filter((name) => name !== origin)
  return { publishedAt: cosignedAt.toISOString(), cosignedBy }
}

function requireBelow(index: number, size: number): void {
  if (index < size) return
  const detail = `Index ${index} is beyond the tree of size ${size}; its last index is ${size - 1}.`
  throw new HttpProblem(404, 'index-beyond-size', detail)
}

/** A block as the API tells of it. */
export function describeBlock(row: BlockSummary) {
  return {
    height: row.height,
    hash: hex(row.hash),
    firstIndex: row.firstIndex,
    count: row.treeSize - 1 - row.firstIndex,
    treeSize: row.treeSize,
    header: base64(row.header),
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
