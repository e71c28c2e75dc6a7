// From committed blocks to a published checkpoint: re-read and recompute, then the signer's swap, then the witnesses, then
// publish.
import { formatCheckpoint, logKeysAt, logKeysOf } from '@careseal/ledger-core'
import { consistencyProof, type FullTile, type Hash, type Sha256 } from '@careseal/merkle'
import { setImmediate as turnOfOthers } from 'node:timers/promises'
import type { Cosigning } from '../cosigning/cosigning.js'
import type { CosigningRound } from '../cosigning/cosigning-round.js'
import type { SignedCheckpoint } from '../cosigning/witness-client.js'
import type { Sql } from '../database/connections.js'
import { loadHead } from '../database/head.js'
import type { LedgerStatus } from '../ledger-status.js'
import { loadPublished, publish } from '../reading/published.js'
import { askToSign, SignerSilent, type LogSigner } from '../signer/log-signer.js'
import { loadBlocks, newestHeight } from '../tree/block-rows.js'
import { StoredTree } from '../tree/stored-tree.js'
import { BlockCorrupt, type SealedChain } from './sealed-chain.js'

export type CheckpointerOptions = {
  sql: Sql
  sha256: Sha256
  origin: string
  signer: Pick<LogSigner, 'sign'>
  /** The size that the signer signed last. */
  signedSize: number
  /** The note that was published before any cosignature of this process was asked for. */
  standing: string
  cosigning: Cosigning
  /** The chain up to what the signer signed last, from confirmHead(). */
  chain: SealedChain
  status: LedgerStatus
  onSigned: (size: number) => void
  onPublished: (checkpoint: PublishedCheckpoint) => void
  /** Something that somebody has to look at, though the ledger goes on. */
  onTrouble: (facts: object, message: string) => void
}

/** `witnesses` are those whose cosignatures the published note bears. */
export type PublishedCheckpoint = { size: number; root: Hash; witnesses: string[] }

const BLOCKS_PER_READ = 16

export class Checkpointer {
  private unchecked: FullTile[] = []
  private newest: CosigningRound | null = null
  private signedSize: number
  /** The published note, as far as this process knows. */
  private standing: string

  constructor(private readonly options: CheckpointerOptions) {
    this.signedSize = options.signedSize
    this.standing = options.standing
  }

  /**
   * One round; resolves to whether all that was signed is published. Call it serially.
   *
   * Halts the ledger when what it reads is not what was written. Rejects for passing failures: the next round goes on.
   */
  async round(): Promise<boolean> {
    try {
      if (!(await this.reread())) return true
      const isPublished = await this.signAndPublish()
      this.options.status.signerAnswered()
      return isPublished
    } catch (error) {
      if (error instanceof SignerSilent) this.options.status.signerSilent(error.message)
      throw error
    }
  }

  /**
   * Verifies what was committed since the last time, and signs nothing. Resolves to false when it has halted the ledger,
   * as what it reads is not what was written.
   */
  async reread(): Promise<boolean> {
    try {
      await this.rereadBlocks()
      await this.compareTiles()
      return true
    } catch (error) {
      if (!(error instanceof BlockCorrupt)) throw error
      this.options.status.haltFor('ledger-corrupt', error.message)
      return false
    }
  }

  /** What was signed before this start and not published: published, if its quorum is heard. */
  async publishSigned(round: CosigningRound): Promise<void> {
    if (await round.untilQuorum()) await this.publish(round, this.standing)
  }

  private async rereadBlocks(): Promise<void> {
    const { chain, sql } = this.options
    // No further than now: blocks that keep coming would keep what was read from being signed.
    const newest = await newestHeight(sql)
    while (chain.height < newest) {
      const rows = await loadBlocks(sql, { from: chain.height + 1, limit: BLOCKS_PER_READ })
      if (rows.length === 0) throw new BlockCorrupt(chain.height + 1, 'it is not there')
      for (const row of rows) {
        chain.follow(row)
        // A full block takes some milliseconds: whoever asks over HTTP, and the next block, go between.
        await turnOfOthers()
      }
      this.unchecked.push(...chain.takeFullTiles())
    }
  }

  private async compareTiles(): Promise<void> {
    while (this.unchecked.length > 0) {
      const some = this.unchecked.slice(0, 256)
      const stored = await loadTiles(this.options.sql, some)
      for (const [i, tile] of some.entries()) {
        const row = stored[i]
        if (!row || Buffer.compare(row.hashes, tile.hashes) !== 0 || Buffer.compare(row.root, tile.root) !== 0) {
          throw new BlockCorrupt(
            this.options.chain.height,
            `tile ${tile.level}/${tile.index} is not that of its entries`,
          )
        }
      }
      this.unchecked.splice(0, some.length)
    }
  }

  private async signAndPublish(): Promise<boolean> {
    const checkpoint = await this.sign()
    if (!checkpoint) return true
    const { standing } = this
    const round = this.options.cosigning.begin(checkpoint)
    this.newest = round
    const isMet = await round.untilQuorum()
    // If we crash here, the next start signs the same size again, to the same bytes, and publishes them.
    const published = isMet ? await this.publish(round, standing) : null
    this.finish(round, published).catch((error: unknown) =>
      this.options.onTrouble({ err: error }, 'after a checkpoint'),
    )
    return published !== null
  }

  private async sign(): Promise<SignedCheckpoint | null> {
    const { chain, signer, origin, status, sql, sha256 } = this.options
    const [size, root] = [chain.size, chain.root()]
    const oldSize = this.signedSize
    const text = formatCheckpoint({ origin, size, root })
    // Read without a cache: the proof shall speak of what is stored now. The signer checks it against its own root.
    const tree = new StoredTree(sql, sha256, size)
    const proofFrom = remembered((from) => consistencyProof(from, size, tree.rangeHash))
    const proof = oldSize > 0 && oldSize < size ? await proofFrom(oldSize) : []
    const vkeys = logKeysAt(chain.governance?.keys ?? [], size)
    const answer = await askToSign(signer, { oldSize, proof, text, vkeys })
    // Another process signed more of what we hold, or an answer was lost: the next round goes on from there. It may be
    // more than we have read: a deposed sequencer signs what it finds of our blocks. The next proof tells whether it is.
    if ('conflict' in answer && answer.conflict <= (await loadHead(sql)).treeSize) {
      this.signedSize = answer.conflict
      throw new Error('the signer has signed meanwhile')
    }
    if (!('note' in answer)) {
      status.haltFor('signer-refused', `the signer refused size ${size}: ${JSON.stringify(answer)}`)
      return null
    }
    this.signedSize = size
    this.options.onSigned(size)
    return { note: answer.note, text, size, root, proofFrom }
  }

  /** Resolves to the note that it published; to null where another was published meanwhile. */
  private async publish(round: CosigningRound, replaced: string): Promise<string | null> {
    const { sql, onPublished } = this.options
    const { size, root } = round.checkpoint
    const [note, witnesses] = [round.note(), round.witnesses]
    const isPublished = await publish(sql, { size, root, note }, replaced)
    this.standing = isPublished ? note : (await loadPublished(sql)).note
    if (!isPublished) return null
    onPublished({ size, root, witnesses })
    return note
  }

  // Witnesses that came after the quorum are added while nothing newer is signed, and to no other note than they were
  // too late for: a successor may have published the same size with newer cosignatures. Whoever objects is heard.
  private async finish(round: CosigningRound, published: string | null): Promise<void> {
    const { sql, sha256, origin, chain, status, cosigning, onTrouble } = this.options
    await round.settled
    const isLate = published !== null && round.note() !== published
    if (isLate && round === this.newest) await this.publish(round, published)
    const options = { sql, sha256, origin, logVkeys: logKeysOf(chain.governance?.keys ?? []) }
    for (const { witness, claim, shown } of await cosigning.objections(round.outcomes, options)) {
      onTrouble({ witness, claim }, 'a witness objects')
      if (shown && 'lost' in shown) status.haltFor('rollback-detected', `witness ${witness} shows: ${shown.lost}`)
    }
  }
}

/** One computation for all who ask for the same old size. */
function remembered(proofOf: (oldSize: number) => Promise<Hash[]>): (oldSize: number) => Promise<Hash[]> {
  const proofs = new Map<number, Promise<Hash[]>>()
  return (oldSize) => {
    const proof = proofs.get(oldSize) ?? proofOf(oldSize)
    proofs.set(oldSize, proof)
    return proof
  }
}

// Each is looked up by its key: joined as a whole, Postgres would read all tiles there are.
async function loadTiles(sql: Sql, tiles: readonly FullTile[]) {
  const found = await sql.query<{ hashes: Uint8Array; root: Uint8Array } | { hashes: null; root: null }>(
    `SELECT t.hashes, t.root FROM unnest($1::smallint[], $2::bigint[]) WITH ORDINALITY AS asked(level, index, n)
       LEFT JOIN LATERAL (SELECT hashes, root FROM tile WHERE level = asked.level AND index = asked.index OFFSET 0) t ON true
      ORDER BY n`,
    [tiles.map((t) => t.level), tiles.map((t) => t.index)],
  )
  return found.rows.map((row) => (row.hashes === null ? undefined : row))
}
