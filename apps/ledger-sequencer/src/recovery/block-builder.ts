// Puts verified entries together again into the rows of their blocks. It holds one block, whatever the ledger's length.
import { fromHex, sha256 } from '@careseal/crypto'
import { nextLink, parseEntry, type Admin, type Genesis, type Header, type Leaf } from '@careseal/ledger-core'
import { CompactRange, GrowingTree, leafHash, TileBuilder, type Hash } from '@careseal/merkle'
import type { BlockAppend, Cursor } from '../appender/append-block.js'
import { packHashes } from '../database/head.js'
import { LEAF_BYTES, packLeaf } from '../tree/block-rows.js'

export class BlockBuilder {
  private readonly tree = new GrowingTree(CompactRange.from(sha256, 0, []), TileBuilder.empty())
  private readonly links = new Map<string, Hash>()
  private controls: Uint8Array[] = []
  private leaves: Leaf[] = []
  private admitted: Cursor[] = []

  /** Takes the next entry, which was verified; a header ends its block and gives it back. */
  take(bytes: Uint8Array): BlockAppend | null {
    const entry = parseEntry(bytes)
    const hash = leafHash(sha256, bytes)
    this.tree.append(hash)
    if ('block' in entry) return this.end(entry.block, bytes)
    if ('leaf' in entry) this.takeLeaf(entry.leaf, hash)
    else this.takeControl(entry, bytes)
    return null
  }

  private takeLeaf(leaf: Leaf, hash: Hash): void {
    this.leaves.push(leaf)
    this.links.set(leaf.producer, nextLink(sha256, this.links.get(leaf.producer) as Hash, hash))
  }

  private takeControl(control: { genesis: Genesis } | { admin: Admin }, bytes: Uint8Array): void {
    this.controls.push(bytes)
    if ('genesis' in control) {
      for (const [name, link] of Object.entries(control.genesis.producers)) this.admit(name, link)
    } else if (control.admin.type === 'producer-admitted') {
      const { name, firstLink } = control.admin.data as { name: string; firstLink: string }
      this.admit(name, firstLink)
    }
  }

  private admit(producer: string, firstLink: string): void {
    const lastLink = fromHex(firstLink, 32)
    this.links.set(producer, lastLink)
    this.admitted.push({ producer, lastSeq: 0, lastLink })
  }

  private end(header: Header, bytes: Uint8Array): BlockAppend {
    const block: BlockAppend = {
      height: header.height,
      epoch: header.epoch,
      header: bytes,
      hash: sha256(bytes),
      controls: this.controls,
      leaves: packed(this.leaves),
      treeSize: this.tree.range.size,
      root: this.tree.range.root(),
      compactRange: packHashes(this.tree.range.hashes),
      tiles: this.tree.takeFullTiles(),
      cursors: header.runs.map(({ producer, fromSeq, count }) => {
        return { producer, lastSeq: fromSeq + count - 1, lastLink: this.links.get(producer) as Hash }
      }),
      admitted: this.admitted,
    }
    this.controls = []
    this.leaves = []
    this.admitted = []
    return block
  }
}

function packed(leaves: readonly Leaf[]): Uint8Array {
  const bytes = Buffer.alloc(leaves.length * LEAF_BYTES)
  for (const [place, leaf] of leaves.entries()) packLeaf(leaf, bytes, place * LEAF_BYTES)
  return bytes
}
