// From committed blocks to a published checkpoint: re-read and recompute, then the signer's swap, then publish.
import { formatCheckpoint } from '@careseal/ledger-core'
import { consistencyProof, equalHashes, type FullTile, type Hash, type Sha256 } from '@careseal/merkle'
import { setImmediate as turnOfOthers } from 'node:timers/promises'
import type { Sql } from '../database/connections.js'
import type { LedgerStatus } from '../ledger-status.js'
import { publish } from '../reading/published.js'
import type { Signer } from '../signer/signer.js'
import { loadBlocks } from '../tree/block-rows.js'
import { StoredTree } from '../tree/stored-tree.js'
import { BlockCorrupt, type SealedChain } from './sealed-chain.js'

export type CheckpointerOptions = {
  sql: Sql
  sha256: Sha256
  origin: string
  signer: Signer
  /** The chain up to what the signer signed last, from confirmHead(). */
  chain: SealedChain
  status: LedgerStatus
  onPublished: (checkpoint: { size: number; root: Hash }) => void
}

const BLOCKS_PER_READ = 16

export class Checkpointer {
  private unchecked: FullTile[] = []

  constructor(private readonly options: CheckpointerOptions) {}

  /**
   * One round; resolves to the published size. Call it serially.
   *
   * Halts the ledger when what it reads is not what was written. Rejects for passing failures: the next round goes on.
   */
  async round(): Promise<number> {
    try {
      await this.rereadBlocks()
      await this.compareTiles()
      return await this.signAndPublish()
    } catch (error) {
      if (!(error instanceof BlockCorrupt)) throw error
      this.options.status.haltFor('ledger-corrupt', error.message)
      return 0
    }
  }

  private async rereadBlocks(): Promise<void> {
    const { chain, sql } = this.options
    for (;;) {
      const rows = await loadBlocks(sql, { from: chain.height + 1, limit: BLOCKS_PER_READ })
      for (const row of rows) {
        chain.follow(row)
        // A full block takes some milliseconds: whoever asks over HTTP, and the next block, go between.
        await turnOfOthers()
      }
      this.unchecked.push(...chain.takeFullTiles())
      if (rows.length < BLOCKS_PER_READ) return
    }
  }

  private async compareTiles(): Promise<void> {
    while (this.unchecked.length > 0) {
      const some = this.unchecked.slice(0, 256)
      const stored = await loadTiles(this.options.sql, some)
      for (const [i, tile] of some.entries()) {
        const row = stored[i]
        if (!row || !equalHashes(row.hashes, tile.hashes) || !equalHashes(row.root, tile.root)) {
          throw new BlockCorrupt(
            this.options.chain.height,
            `tile ${tile.level}/${tile.index} is not that of its entries`,
          )
        }
      }
      this.unchecked.splice(0, some.length)
    }
  }

  private async signAndPublish(): Promise<number> {
    const { chain, signer, origin, status, sql, sha256 } = this.options
    const [size, root] = [chain.size, chain.root()]
    const oldSize = signer.signed.size
    // Read without a cache: the proof shall speak of what is stored now. The signer checks it against its own root.
    const tree = new StoredTree(sql, sha256, size)
    const proof = oldSize > 0 && oldSize < size ? await consistencyProof(oldSize, size, tree.rangeHash) : []
    const answer = await signer.sign({ oldSize, proof, text: formatCheckpoint({ origin, size, root }) })
    // Another process signed more of what we hold, or our own write was cut short: the next round goes on from there.
    if ('conflict' in answer && answer.conflict <= size) throw new Error('the signer has signed meanwhile')
    if (!('note' in answer)) {
      status.haltFor('signer-refused', `the signer refused size ${size}: ${JSON.stringify(answer)}`)
      return 0
    }
    // If we crash here, the next start signs the same size again, to the same bytes, and publishes them.
    await publish(sql, { size, root, note: answer.note })
    this.options.onPublished({ size, root })
    return size
  }
}

async function loadTiles(sql: Sql, tiles: readonly FullTile[]) {
  const found = await sql.query<{ hashes: Uint8Array; root: Uint8Array } | { hashes: null; root: null }>(
    `SELECT t.hashes, t.root FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS asked(level, index, n)
       LEFT JOIN tile t USING (level, index) ORDER BY n`,
    [tiles.map((t) => t.level), tiles.map((t) => t.index)],
  )
  return found.rows.map((row) => (row.hashes === null ? undefined : row))
}
