// Builds the next block out of a head, control entries and leaves: pure, so that a standby, a verifier and a test get the
// same bytes from the same input. Nothing is checked against a database here; the append's compare-and-swap does that.
import { hex, fromHex } from '@careseal/crypto/portable'
import { CompactRange, leafHash, type Hash, type NodeListener, type Sha256 } from '@careseal/merkle'
import {
  encodeControl,
  encodeHeader,
  encodeLeaf,
  NO_HASH,
  type Control,
  type Header,
  type Leaf,
  type Run,
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

/** A leaf with its bytes and hash, for callers that needed them already to verify the producer's link. */
export type EncodedLeaf = Leaf & { bytes: Uint8Array; leafHash: Hash }

export type BlockInput = {
  head: Head
  controls?: readonly Control[]
  /** Those of one producer in the order of seq, without a gap; the producers in any order. */
  leaves: readonly (Leaf | EncodedLeaf)[]
  epoch: number
  /** Whole seconds since 1970; a clock that went back is held at the head's time. */
  time: number
}

export type PlannedBlock = {
  header: Header
  headerBytes: Uint8Array
  /** SHA-256 of the header's bytes, in hex: the next block's prevHash. */
  headerHash: string
  /** Controls, leaves in the order of the tree, header. */
  entries: Uint8Array[]
  /** The tree's hash of each entry. */
  leafHashes: Hash[]
  /** The root of the tree that ends with this header: what a checkpoint at this block says. */
  root: Hash
  newHead: Head
}

/** Plans the block that follows `head`. Throws Malformed or a RangeError when the input cannot make a block. */
export function planBlock(input: BlockInput, sha256: Sha256, onNode?: NodeListener): PlannedBlock {
  const { head, controls = [], epoch } = input
  checkControls(head, controls, input.leaves)
  if (epoch < head.epoch) throw new RangeError('an epoch never goes back')
  const groups = groupsOf(input.leaves)
  const encoded = [
    ...controls.map((control) => withHash(sha256, encodeControl(control))),
    ...groups.flat().map((leaf) => encodedLeaf(sha256, leaf)),
  ]
  const range = CompactRange.from(sha256, head.treeSize, head.hashes)
  for (const entry of encoded) range.append(entry.leafHash, onNode)
  const header: Header = {
    height: head.height + 1,
    prevHash: head.headerHash,
    firstIndex: head.treeSize,
    count: encoded.length,
    controls: controls.length,
    root: hex(range.root()),
    runs: groups.map(runOf),
    epoch,
    time: Math.max(input.time, head.time),
  }
  const last = withHash(sha256, encodeHeader(header))
  range.append(last.leafHash, onNode)
  return sealed({ header, range, entries: [...encoded, last], headerHash: hex(sha256(last.bytes)) })
}

function sealed(block: {
  header: Header
  range: CompactRange
  entries: { bytes: Uint8Array; leafHash: Hash }[]
  headerHash: string
}): PlannedBlock {
  const { header, range, entries, headerHash } = block
  const { height, epoch, time } = header
  return {
    header,
    headerBytes: entries.at(-1)!.bytes,
    headerHash,
    entries: entries.map(({ bytes }) => bytes),
    leafHashes: entries.map(({ leafHash }) => leafHash),
    root: range.root(),
    newHead: { height, headerHash, treeSize: range.size, hashes: range.hashes, epoch, time },
  }
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

function checkControls(head: Head, controls: readonly Control[], leaves: readonly Leaf[]): void {
  const first = controls[0]
  const isGenesisBlock = controls.length === 1 && first !== undefined && 'genesis' in first && leaves.length === 0
  if (head.height === -1 ? !isGenesisBlock : controls.some((control) => 'genesis' in control)) {
    throw new RangeError('block 0 is the genesis alone, and no other block holds one')
  }
  if (controls.length + leaves.length === 0) throw new RangeError('a block is not empty')
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

function runOf(group: readonly Leaf[]): Run {
  return { producer: group[0]!.producer, fromSeq: group[0]!.seq, count: group.length }
}

function encodedLeaf(sha256: Sha256, leaf: Leaf | EncodedLeaf): { bytes: Uint8Array; leafHash: Hash } {
  return 'bytes' in leaf ? leaf : withHash(sha256, encodeLeaf(leaf))
}

function withHash(sha256: Sha256, bytes: Uint8Array): { bytes: Uint8Array; leafHash: Hash } {
  return { bytes, leafHash: leafHash(sha256, bytes) }
}

/** A leaf with its bytes and hash, to hand to planBlock later. */
export function encodeLeafOnce(sha256: Sha256, leaf: Leaf): EncodedLeaf {
  return { ...leaf, ...withHash(sha256, encodeLeaf(leaf)) }
}
