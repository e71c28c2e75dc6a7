// Follows the stored blocks and believes none of their columns: every hash, root and tile is computed anew from the rows
// as they were read back. What does not come out the same is never signed. (A flipped bit killed a public log, Yeti 2022.)
import {
  beginGovernance,
  govern,
  LeafHasher,
  Malformed,
  parseEntry,
  type Governance,
  type Head,
  type Header,
  type Run,
} from '@careseal/ledger-core'
import {
  equalHashes,
  leafHash,
  type FullTile,
  type GrowingTree,
  type Hash,
  type Sha256,
  type TileBuilder,
} from '@careseal/merkle'
import { LEAF_BYTES, type BlockRow } from '../tree/block-rows.js'

/** A stored block that is not what its header says. Names the height and, where it is known, the first bad index. */
export class BlockCorrupt extends Error {
  constructor(
    readonly height: number,
    readonly reason: string,
  ) {
    super(`block ${height}: ${reason}`)
    this.name = 'BlockCorrupt'
  }
}

/** What the next block has to follow. Before block 0: height −1, 64 zeros. */
export type VerifiedBlock = Pick<Head, 'height' | 'headerHash' | 'epoch' | 'time'>

/** The chain as far as it was verified. Memory and time per entry do not depend on how much that is. */
export class SealedChain {
  private readonly hasher: LeafHasher

  constructor(
    private readonly sha256: Sha256,
    private readonly tree: GrowingTree,
    private verified: VerifiedBlock,
    private governed: Governance | null,
  ) {
    this.hasher = new LeafHasher(sha256)
  }

  /** Keys, policy and retreats as the entries so far have them. Null before block 0. */
  get governance(): Governance | null {
    return this.governed
  }

  get height(): number {
    return this.verified.height
  }

  /** When the last block was sealed, in seconds since 1970. */
  get time(): number {
    return this.verified.time
  }

  get size(): number {
    return this.tree.range.size
  }

  root(): Hash {
    return this.tree.range.root()
  }

  /** Where a writer goes on: what was verified, not what a column says. */
  edge(): { head: Head; tiles: TileBuilder } {
    const { range, tiles } = this.tree
    return { head: { ...this.verified, treeSize: range.size, hashes: range.hashes }, tiles: tiles.clone() }
  }

  /** Full tiles that the blocks since the last call complete: what the stored ones must equal. */
  takeFullTiles(): FullTile[] {
    return this.tree.takeFullTiles()
  }

  /** Verifies the next block and goes on to it. Throws BlockCorrupt; the chain is of no use after that. */
  follow(row: BlockRow): void {
    const header = this.headerOf(row)
    this.checkPlace(header, row)
    for (const bytes of row.controls) this.takeControl(bytes)
    this.appendLeaves(header.runs, row.leaves)
    this.checkRoot(header)
    this.tree.append(leafHash(this.sha256, row.header))
    if (this.size !== row.treeSize) throw new BlockCorrupt(header.height, 'entries are missing')
    const { height, epoch, time } = header
    this.verified = { height, headerHash: hex(row.hash), epoch, time }
  }

  private takeControl(bytes: Uint8Array): void {
    try {
      const entry = parseEntry(bytes)
      if ('genesis' in entry) this.governed = beginGovernance(entry.genesis)
      else if ('admin' in entry && this.governed) {
        this.governed = govern(this.sha256, this.governed, { index: this.size, admin: entry.admin })
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      throw new BlockCorrupt(this.height + 1, `entry ${this.size} is no control of this ledger: ${error.message}`)
    }
    this.tree.append(leafHash(this.sha256, bytes))
  }

  private appendLeaves(runs: readonly Run[], leaves: Uint8Array): void {
    let at = 0
    for (const { producer, fromSeq, count } of runs) {
      for (let seq = fromSeq; seq < fromSeq + count; seq++, at += LEAF_BYTES) {
        this.tree.append(this.hasher.hash({ producer, seq }, leaves, at))
      }
    }
  }

  private headerOf(row: BlockRow): Header {
    const expected = this.height + 1
    if (!equalHashes(this.sha256(row.header), row.hash)) throw new BlockCorrupt(expected, 'the header does not hash')
    const entry = parseEntry(row.header)
    if (!('block' in entry)) throw new BlockCorrupt(expected, 'the header is no header')
    return entry.block
  }

  private checkPlace(header: Header, row: BlockRow): void {
    const { height, headerHash, epoch, time } = this.verified
    const leafCount = header.runs.reduce((sum, run) => sum + run.count, 0)
    const facts: [boolean, string][] = [
      [header.height === height + 1 && row.height === header.height, 'its height does not follow'],
      [header.prevHash === headerHash, 'it does not name its parent'],
      [header.epoch >= epoch && header.time >= time, 'it goes back in epoch or time'],
      [header.firstIndex === this.size && row.firstIndex === this.size, 'its first index does not follow'],
      [header.controls === row.controls.length, 'it has other control entries than it says'],
      [row.leaves.length === leafCount * LEAF_BYTES, 'it has other leaves than it says'],
      [header.count === header.controls + leafCount, 'its count is wrong'],
      [row.treeSize === this.size + header.count + 1, 'its tree size is wrong'],
      [JSON.stringify(row.runs.map(runKey)) === JSON.stringify(header.runs.map(runKey)), 'its runs are others'],
    ]
    for (const [holds, reason] of facts) if (!holds) throw new BlockCorrupt(height + 1, reason)
  }

  // The header's root covers all entries before the header itself.
  private checkRoot(header: Header): void {
    if (hex(this.tree.range.root()) !== header.root) {
      throw new BlockCorrupt(header.height, 'its entries do not have the root that its header names')
    }
  }
}

function runKey({ producer, fromSeq, count }: Run): [string, number, number] {
  return [producer, fromSeq, count]
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
