// From leaves to the rows of a block. Leaf bytes are built here from checked fields, and each producer's link is followed
// over them, so a leaf that is sealed is the one that its producer numbered.
import { latestOf } from '@careseal/contracts'
import { fromHex, hex, sha256 } from '@careseal/crypto'
import {
  LeafHasher,
  nextLink,
  planHashedBlock,
  type Admin,
  type Control,
  type Genesis,
  type HashedRun,
  type Head,
} from '@careseal/ledger-core'
import type { Hash, TileBuilder } from '@careseal/merkle'
import type { Admission } from '../admission/admission-rules.js'
import { packHashes } from '../database/head.js'
import { Fatal } from '../fatal.js'
import { LEAF_BYTES, packLeaf } from '../tree/block-rows.js'
import type { BlockAppend, Cursor } from './append-block.js'
import type { PendingLeaf } from './leaf-queue.js'

type LiveCursor = { seq: number; link: Hash }
type OpenRun = HashedRun & { hashes: Hash[]; lastLink: string }

const NO_LEAVES = new Uint8Array(0)

export type PlannerState = {
  head: Head
  tiles: TileBuilder
  cursors: ReadonlyMap<string, LiveCursor>
  epoch: number
}

/** Plans one block after the other; each plan counts on the one before it being committed. */
export class BlockPlanner {
  private head: Head
  private readonly tiles: TileBuilder
  private readonly cursors: Map<string, LiveCursor>
  private readonly epoch: number
  private closed: ReadonlySet<string> = new Set()
  private readonly hasher = new LeafHasher(sha256)

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

  /** A block of one administration entry. An admission opens a producer at its first link and closes whom it follows. */
  planAdmin(admin: Admin, admission: Admission | null, time: number): BlockAppend {
    const admitted = admission ? [this.admit(admission)] : []
    return { ...this.plan([{ admin }], [], time), admitted }
  }

  private admit({ name, firstLink }: Admission): Cursor {
    this.cursors.set(name, { seq: 0, link: fromHex(firstLink, 32) })
    this.closeFollowed()
    return { producer: name, lastSeq: 0, lastLink: fromHex(firstLink, 32) }
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
   * Throws Fatal `broken-chain` for a gap or a link that does not fit: whoever verified them before was wrong. The link of
   * a producer's last leaf binds those before it, so it alone is compared.
   */
  planLeaves(leaves: readonly PendingLeaf[], time: number): BlockAppend | null {
    const packed = Buffer.allocUnsafe(leaves.length * LEAF_BYTES)
    const runs: OpenRun[] = []
    let end = 0
    for (const leaf of leaves) {
      const { producer, seq, link } = leaf
      const cursor = this.cursorOf(producer)
      if (seq <= cursor.seq || this.closed.has(producer)) continue
      packLeaf(leaf, packed, end)
      const hash = this.hasher.hash(leaf, packed, end)
      follow(cursor, seq, hash)
      end += LEAF_BYTES
      let run = runs.at(-1)
      if (run?.producer !== producer) runs.push((run = { producer, fromSeq: seq, hashes: [], lastLink: '' }))
      run.hashes.push(hash)
      run.lastLink = link
    }
    if (runs.length === 0) return null
    const cursors = runs.map((run) => this.closeRun(run))
    return { ...this.plan([], runs, time), leaves: packed.subarray(0, end), cursors }
  }

  private closeRun({ producer, lastLink }: OpenRun): Cursor {
    const { seq, link } = this.cursorOf(producer)
    if (hex(link) !== lastLink) {
      throw new Fatal('broken-chain', `the leaves up to ${seq} of a producer do not continue its chain`)
    }
    return { producer, lastSeq: seq, lastLink: link }
  }

  private closeFollowed(): void {
    const names = this.producers
    this.closed = new Set(names.filter((name) => latestOf(name, names) !== name))
  }

  private cursorOf(producer: string): LiveCursor {
    const cursor = this.cursors.get(producer)
    if (!cursor) throw new Fatal('broken-chain', 'a leaf of a producer that is not admitted')
    return cursor
  }

  private plan(controls: Control[], runs: HashedRun[], time: number): BlockAppend {
    const { head, epoch, tiles } = this
    const block = planHashedBlock({ head, controls, runs, epoch, time }, sha256, tiles.onNode)
    this.head = block.newHead
    return {
      height: block.header.height,
      epoch,
      header: block.headerBytes,
      hash: fromHex(block.headerHash, 32),
      controls: block.controls,
      leaves: NO_LEAVES,
      treeSize: block.newHead.treeSize,
      root: block.root,
      compactRange: packHashes(block.newHead.hashes),
      tiles: tiles.take(),
      cursors: [],
      admitted: [],
    }
  }
}

function follow(cursor: LiveCursor, seq: number, hash: Hash): void {
  if (seq !== cursor.seq + 1) {
    throw new Fatal('broken-chain', `seq ${seq} of a producer does not follow seq ${cursor.seq}`)
  }
  cursor.seq = seq
  cursor.link = nextLink(sha256, cursor.link, hash)
}
