// Builds the next block out of a head, control entries and leaves: pure, so that a standby, a verifier and a test get the
// same bytes from the same input. Nothing is checked against a database here; the append's compare-and-swap does that.
import { hex, fromHex } from '@careseal/crypto/portable'
import { CompactRange, leafHash, type Hash, type NodeListener, type Sha256 } from '@careseal/merkle'
import {
  encodeControl,
  encodeHeader,
  encodeLeaf,
  leafEntryHash,
  NO_HASH,
  type Control,
  type Header,
  type Leaf,
} from './entry.js'
import { Malformed } from './malformed.js'

/** What the ledger is after a block. `hashes` is the compact range of the tree of `treeSize`. */
export type Head = {
  height: number
  headerHash: string
  treeSize: number
  hashes: Hash[]
  epoch: number
  time: number
}

/** The head before block 0. */
export const EMPTY_HEAD: Head = { height: -1, headerHash: NO_HASH, treeSize: 0, hashes: [], epoch: 0, time: 0 }

export type BlockInput = {
  head: Head
  controls?: readonly Control[]
  /** Those of one producer in the order of seq, without a gap; the producers in any order. */
  leaves: readonly Leaf[]
  epoch: number
  /** Whole seconds since 1970; a clock that went back is held at the head's time. */
  time: number
}

/** Leaves of one producer from `fromSeq` on, by their hashes in the tree: for a writer that made them already. */
export type HashedRun = { producer: string; fromSeq: number; hashes: readonly Hash[] }

/** As BlockInput; runs stand in the order of their producers, each once. */
export type HashedBlockInput = Omit<BlockInput, 'leaves'> & { runs: readonly HashedRun[] }

/** A block without the bytes of its leaves. */
export type HashedBlock = {
  header: Header
  headerBytes: Uint8Array
  /** SHA-256 of the header's bytes, in hex: the next block's prevHash. */
  headerHash: string
  /** The bytes of its controls. */
  controls: Uint8Array[]
  /** The root of the tree that ends with this header: what a checkpoint at this block says. */
  root: Hash
  newHead: Head
}

export type PlannedBlock = Omit<HashedBlock, 'controls'> & {
  /** Controls, leaves in the order of the tree, header. */
  entries: Uint8Array[]
  /** The tree's hash of each entry. */
  leafHashes: Hash[]
}

/** Plans the block that follows `head`. Throws Malformed or a RangeError when the input cannot make a block. */
export function planBlock(input: BlockInput, sha256: Sha256, onNode?: NodeListener): PlannedBlock {
  const groups = groupsOf(input.leaves)
  const runs = groups.map((group) => hashedRun(sha256, group))
  const { controls, ...block } = planHashedBlock({ ...input, runs }, sha256, onNode)
  const entries = [...controls, ...groups.flat().map(encodeLeaf), block.headerBytes]
  const hashOf = (bytes: Uint8Array) => leafHash(sha256, bytes)
  const leafHashes = [...controls.map(hashOf), ...runs.flatMap(({ hashes }) => hashes), hashOf(block.headerBytes)]
  return { ...block, entries, leafHashes }
}

/** planBlock of leaves that are hashed already. Whoever hashed them answers for the hashes being those of the runs. */
export function planHashedBlock(input: HashedBlockInput, sha256: Sha256, onNode?: NodeListener): HashedBlock {
  const { head, controls = [], runs, epoch } = input
  checkControls(head, controls, runs)
  if (epoch < head.epoch) throw new RangeError('an epoch never goes back')
  const encodedControls = controls.map(encodeControl)
  const range = CompactRange.from(sha256, head.treeSize, head.hashes)
  for (const bytes of encodedControls) range.append(leafHash(sha256, bytes), onNode)
  for (const { hashes } of runs) for (const hash of hashes) range.append(hash, onNode)
  const header: Header = {
    height: head.height + 1,
    prevHash: head.headerHash,
    firstIndex: head.treeSize,
    count: range.size - head.treeSize,
    controls: controls.length,
    root: hex(range.root()),
    runs: runs.map(({ producer, fromSeq, hashes }) => ({ producer, fromSeq, count: hashes.length })),
    epoch,
    time: Math.max(input.time, head.time),
  }
  const headerBytes = encodeHeader(header)
  range.append(leafHash(sha256, headerBytes), onNode)
  return { ...sealed(header, range, hex(sha256(headerBytes))), headerBytes, controls: encodedControls }
}

function sealed(header: Header, range: CompactRange, headerHash: string) {
  const { height, epoch, time } = header
  const newHead: Head = { height, headerHash, treeSize: range.size, hashes: range.hashes, epoch, time }
  return { header, headerHash, root: range.root(), newHead }
}

/** Where a leaf stands in the tree, by the header of its block; null when it is not in this block. */
export function leafIndexOf(header: Header, producer: string, seq: number): number | null {
  let offset = header.firstIndex + header.controls
  for (const run of header.runs) {
    if (run.producer === producer) {
      const inside = seq >= run.fromSeq && seq < run.fromSeq + run.count
      return inside ? offset + seq - run.fromSeq : null
    }
    offset += run.count
  }
  return null
}

/** The size of the tree that ends with a block's header. */
export function treeSizeOf(header: Header): number {
  return header.firstIndex + header.count + 1
}

/** The hash of a header as the next block's prevHash has it. */
export function headerHashOf(sha256: Sha256, headerBytes: Uint8Array): string {
  return hex(sha256(headerBytes))
}

/** A head as a database keeps it, by hashes in hex. */
export function headFrom(stored: Omit<Head, 'hashes'> & { hashes: readonly string[] }): Head {
  return { ...stored, hashes: stored.hashes.map((hash) => fromHex(hash, 32)) }
}

function checkControls(head: Head, controls: readonly Control[], runs: readonly HashedRun[]): void {
  const first = controls[0]
  const isGenesisBlock = controls.length === 1 && first !== undefined && 'genesis' in first && runs.length === 0
  if (head.height === -1 ? !isGenesisBlock : controls.some((control) => 'genesis' in control)) {
    throw new RangeError('block 0 is the genesis alone, and no other block holds one')
  }
  if (controls.length + runs.length === 0) throw new RangeError('a block is not empty')
}

function groupsOf<T extends Leaf>(leaves: readonly T[]): T[][] {
  const groups = new Map<string, T[]>()
  for (const leaf of leaves) {
    const group = groups.get(leaf.producer)
    if (group === undefined) groups.set(leaf.producer, [leaf])
    else if (leaf.seq === group.at(-1)!.seq + 1) group.push(leaf)
    else throw new Malformed('the leaves of a producer follow one another')
  }
  return [...groups.values()].toSorted(([a], [b]) => (a!.producer < b!.producer ? -1 : 1))
}

function hashedRun(sha256: Sha256, group: readonly Leaf[]): HashedRun {
  const { producer, seq } = group[0] as Leaf
  return { producer, fromSeq: seq, hashes: group.map((leaf) => leafEntryHash(sha256, leaf)) }
}
