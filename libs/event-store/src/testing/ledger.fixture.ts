// A ledger in memory for tests of what follows it: real blocks by planBlock, and knobs to show faults.
import { hex, sha256 } from '@careseal/crypto'
import { EMPTY_HEAD, planBlock, type Control, type Head, type Leaf, type PlannedBlock } from '@careseal/ledger-core'
import { ORIGIN } from './store.fixture.js'

const GENESIS: Control = {
  genesis: { origin: ORIGIN, logKeys: ['test key'], operators: [], producers: {}, previous: null },
}

/** Leaves as the ledger sees them: only their place matters here. */
export function leaves(producer: string, fromSeq: number, count: number): Leaf[] {
  return Array.from({ length: count }, (_, n) => {
    const seq = fromSeq + n
    const filler = hex(sha256(Buffer.from(`${producer}/${seq}`)))
    return { producer, seq, tag: filler, commitment: filler }
  })
}

export class MemoryLedger {
  readonly blocks: PlannedBlock[] = []
  private head: Head = EMPTY_HEAD
  publishedSize = 0

  constructor() {
    this.plan({ controls: [GENESIS], leaves: [] })
    this.publish()
  }

  /** Commits a block; it counts as published only after `publish`. */
  seal(...blockLeaves: Leaf[]): void {
    this.plan({ leaves: blockLeaves })
  }

  publish(): void {
    this.publishedSize = this.head.treeSize
  }

  headers = async (from: number, limit: number): Promise<Uint8Array[]> =>
    this.blocks.slice(from, from + limit).map((block) => block.headerBytes)

  /** The index of a leaf by looking through every entry. */
  indexOf(leaf: Leaf): number {
    const entries = this.blocks.flatMap((block) => block.entries).map((entry) => Buffer.from(entry).toString())
    return entries.findIndex((entry) => entry.includes(`"producer":"${leaf.producer}","seq":${leaf.seq},`))
  }

  private plan(input: { controls?: Control[]; leaves: Leaf[] }): void {
    const block = planBlock({ head: this.head, epoch: 1, time: 1_800_000_000, ...input }, sha256)
    this.blocks.push(block)
    this.head = block.newHead
  }
}
