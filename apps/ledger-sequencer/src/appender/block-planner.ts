// From leaves to the rows of a block. Leaf bytes are built here from checked fields, and each producer's link is followed
// over them, so a leaf that is sealed is the one that its producer numbered.
import { fromHex, hex, sha256 } from '@careseal/crypto'
import {
  encodeLeafOnce,
  nextLink,
  planBlock,
  type Admin,
  type Control,
  type EncodedLeaf,
  type Genesis,
  type Head,
} from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import type { Admission } from '../admission/admission-rules.js'
import { latestOf } from '../admission/incarnations.js'
import { packHashes } from '../database/head.js'
import { Fatal } from '../fatal.js'
import { packLeaves } from '../tree/block-rows.js'
import type { TileBuilder } from '../tree/tile-builder.js'
import type { BlockAppend, Cursor } from './append-block.js'
import type { PendingLeaf } from './leaf-queue.js'

export type PlannerState = {
  head: Head
  tiles: TileBuilder
  cursors: ReadonlyMap<string, { seq: number; link: Hash }>
  epoch: number
}

/** Plans one block after the other; each plan counts on the one before it being committed. */
export class BlockPlanner {
  private head: Head
  private readonly tiles: TileBuilder
  private readonly cursors: Map<string, { seq: number; link: Hash }>
  private readonly epoch: number
  private closed: ReadonlySet<string> = new Set()

  constructor(state: PlannerState) {
    this.head = state.head
    this.tiles = state.tiles
    this.cursors = new Map([...state.cursors].map(([producer, cursor]) => [producer, { ...cursor }]))
    this.epoch = state.epoch
    this.closeFollowed()
  }

  /** Where the next entry will stand. */
  get treeSize(): number {
    return this.head.treeSize
  }

  /** All that are admitted, closed ones among them. */
  get producers(): string[] {
    return [...this.cursors.keys()]
  }

  /** A block of one administration entry, which admits a producer at its first link and closes whom it follows. */
  planAdmission(admin: Admin, { name, firstLink }: Admission, time: number): BlockAppend {
    const admitted = [{ producer: name, lastSeq: 0, lastLink: fromHex(firstLink, 32) }]
    this.cursors.set(name, { seq: 0, link: fromHex(firstLink, 32) })
    this.closeFollowed()
    return { ...this.plan([{ admin }], [], time), admitted }
  }

  /** Block 0: the genesis, which admits producers at their first links. */
  planGenesis(genesis: Genesis, time: number): BlockAppend {
    const admitted = Object.entries(genesis.producers).map(([producer, link]) => ({
      producer,
      lastSeq: 0,
      lastLink: fromHex(link, 32),
    }))
    for (const { producer, lastLink } of admitted) this.cursors.set(producer, { seq: 0, link: lastLink })
    return { ...this.plan([{ genesis }], [], time), admitted }
  }

  /**
   * `leaves` as LeafQueue.take gives them. Leaves that are sealed already, or of a producer that another incarnation has
   * followed, are dropped; null when nothing is left.
   *
   * Throws Fatal `broken-chain` for a gap or a link that does not fit: whoever verified them before was wrong.
   */
  planLeaves(leaves: readonly PendingLeaf[], time: number): BlockAppend | null {
    const encoded: EncodedLeaf[] = []
    const moved = new Map<string, Cursor>()
    for (const leaf of leaves) {
      const cursor = this.cursors.get(leaf.producer)
      if (!cursor) throw new Fatal('broken-chain', 'a leaf of a producer that is not admitted')
      if (leaf.seq <= cursor.seq || this.closed.has(leaf.producer)) continue
      const next = this.follow(cursor, leaf)
      encoded.push(next)
      moved.set(leaf.producer, { producer: leaf.producer, lastSeq: cursor.seq, lastLink: cursor.link })
    }
    if (encoded.length === 0) return null
    return { ...this.plan([], encoded, time), cursors: [...moved.values()] }
  }

  private closeFollowed(): void {
    const names = this.producers
    this.closed = new Set(names.filter((name) => latestOf(name, names) !== name))
  }

  private follow(cursor: { seq: number; link: Hash }, leaf: PendingLeaf): EncodedLeaf {
    const { producer, seq, tag, commitment } = leaf
    const encoded = encodeLeafOnce(sha256, { producer, seq, tag, commitment })
    const link = nextLink(sha256, cursor.link, encoded.leafHash)
    if (seq !== cursor.seq + 1 || hex(link) !== leaf.link) {
      throw new Fatal('broken-chain', `seq ${seq} of a producer does not follow seq ${cursor.seq}`)
    }
    cursor.seq = seq
    cursor.link = link
    return encoded
  }

  private plan(controls: Control[], leaves: EncodedLeaf[], time: number): BlockAppend {
    const { head, epoch, tiles } = this
    const block = planBlock({ head, controls, leaves, epoch, time }, sha256, tiles.onNode)
    this.head = block.newHead
    return {
      height: block.header.height,
      epoch,
      header: block.headerBytes,
      hash: fromHex(block.headerHash, 32),
      controls: block.entries.slice(0, controls.length),
      leaves: packLeaves(leaves),
      treeSize: block.newHead.treeSize,
      root: block.root,
      compactRange: packHashes(block.newHead.hashes),
      tiles: tiles.take(),
      cursors: [],
      admitted: [],
    }
  }
}
