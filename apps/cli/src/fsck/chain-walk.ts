// Follows a ledger entry by entry, from the genesis on, and recomputes what each must be. It keeps the right edge of the
// tree and the ends of the producers' runs, so its memory does not grow with the ledger.
import { memberOf, type Admin, type Genesis, type Header, type Leaf, type Run } from './naive-entry.js'
import { NaiveKeys } from './naive-keys.js'
import { firstLinkOf, GrowingTree, leafHashOf, sha256, tileRoot } from './naive.js'
import { Check } from './report.js'

/** A tile that has become full, or at the end a partial one. */
export type WalkedTile = { level: number; index: number; hashes: Buffer; width: number; root: Buffer | null }

export type WalkOptions = {
  origin: string
  onTile: (tile: WalkedTile) => void
  /** Told after each block: the tree's size, whose root `root()` then is. */
  onBlock?: (size: number) => void
}

type Epochs = { time: number; epoch: number }

export class ChainWalk {
  private readonly chain = new Check('blocks hang on one another, without gaps, and cover their entries', ['I3', 'I4'])
  private readonly order = new Check('each producer’s leaves run without gap or repeat', ['I2', 'I7'])
  private readonly epochs = new Check('epochs and times of blocks never go back', ['I9'])
  private readonly administration = new Check('administration is approved, and keys follow one another', ['I5'])
  private readonly keys = new NaiveKeys()
  private readonly tree = new GrowingTree()
  private readonly openTiles: Buffer[][] = []
  private readonly lastSeq = new Map<string, number>()
  private hasBrokenRoot = false
  private previousHash = '0'.repeat(64)
  private previous: Epochs = { time: 0, epoch: 0 }
  private blockStart = 0
  private controls = 0
  private runs: Run[] = []
  /** Of the block under way. */
  height = 0

  constructor(private readonly options: WalkOptions) {}

  get size(): number {
    return this.tree.size
  }

  get lastEpoch(): number {
    return this.previous.epoch
  }

  root(): Buffer {
    return this.tree.root()
  }

  /** The last sequence number of a producer on the ledger; 0 before its first. */
  lastSeqOf(producer: string): number {
    return this.lastSeq.get(producer) ?? 0
  }

  producers(): string[] {
    return [...this.lastSeq.keys()]
  }

  /** The keys of the log whose signatures count for a tree of this size. */
  keysAt(size: number): string[] {
    return this.keys.at(size)
  }

  checks(): Check[] {
    return [this.chain, this.order, this.epochs, this.administration]
  }

  genesis(bytes: Uint8Array, genesis: Genesis): void {
    const { origin, producers } = genesis
    this.keys.genesis(genesis)
    this.expectChain(this.size === 0 && origin === this.options.origin, 'it is no genesis of this log in its place')
    for (const [name, link] of Object.entries(producers)) this.admit(name, link)
    this.control(bytes)
  }

  admin(bytes: Uint8Array, admin: Admin): void {
    const { type, data } = admin
    const fault = this.keys.admin(this.size, admin)
    this.administration.checked += 1
    this.administration.expect(fault === null, () => ({ invariant: 'I5', what: fault ?? '', where: this.place() }))
    if (type === 'producer-admitted') this.admit(String(memberOf(data, 'name')), String(memberOf(data, 'firstLink')))
    this.control(bytes)
  }

  /** Bytes in the place of an entry that are none: they are covered by the roots all the same. */
  unreadable(bytes: Uint8Array): void {
    this.expectChain(false, 'it is not an entry of the ledger')
    this.append(bytes)
  }

  leaf(bytes: Uint8Array, { producer, seq }: Pick<Leaf, 'producer' | 'seq'>): void {
    const last = this.lastSeq.get(producer)
    const where = () => `${this.place()}, ${producer} ${seq}`
    this.order.checked += 1
    const stray = { invariant: 'I7', what: 'nobody admitted this producer' } as const
    this.order.expect(last !== undefined, () => ({ ...stray, where: where() }))
    const broken = { invariant: 'I2', what: 'a gap or a repeat in its producer’s run' } as const
    this.order.expect(seq === (last ?? 0) + 1, () => ({ ...broken, where: where() }))
    this.lastSeq.set(producer, seq)
    const run = this.runs.at(-1)
    if (run?.producer === producer && run.fromSeq + run.count === seq) run.count += 1
    else this.runs.push({ producer, fromSeq: seq, count: 1 })
    this.append(bytes)
  }

  header(bytes: Uint8Array, header: Header): void {
    this.chain.checked += 1
    this.expectChain(header.height === this.height, 'its height is not the next one')
    this.expectChain(header.prevHash === this.previousHash, 'it does not hang on the block before', 'I4')
    this.expectChain(header.firstIndex === this.blockStart, 'its first index is not the next one')
    this.expectChain(this.coversEntries(header), 'its counts or runs are not those of its entries')
    this.expectRoot(header)
    this.expectEpoch(header)
    this.append(bytes)
    this.previousHash = sha256(bytes).toString('hex')
    this.height += 1
    this.blockStart = this.size
    this.controls = 0
    this.runs = []
    this.options.onBlock?.(this.size)
  }

  /** Whether the ledger ends where a block does: what stands after the last header belongs to nobody. */
  expectWholeBlocks(): void {
    this.expectChain(this.size === this.blockStart, 'the ledger ends inside of it')
  }

  /** The partial tiles at the right edge, level by level. */
  partialTiles(): WalkedTile[] {
    return this.openTiles.flatMap((open, level) => {
      const index = Math.floor(this.size / 256 ** (level + 1))
      const tile = { level, index, hashes: Buffer.concat(open), width: open.length, root: null }
      return open.length > 0 ? [tile] : []
    })
  }

  private admit(name: string, link: string): void {
    const good = link === firstLinkOf(this.options.origin, name).toString('hex')
    const what = 'a producer is admitted twice or with a first link that is not its own'
    this.order.expect(good && !this.lastSeq.has(name), () => ({ invariant: 'I7', what, where: this.place() }))
    this.lastSeq.set(name, 0)
  }

  private control(bytes: Uint8Array): void {
    this.expectChain(this.runs.length === 0, 'a control entry stands behind leaves')
    this.controls += 1
    this.append(bytes)
  }

  private coversEntries({ controls, count, runs }: Header): boolean {
    const names = runs.map(({ producer }) => producer)
    const sum = this.runs.reduce((total, run) => total + run.count, this.controls)
    const same = runs.every((run, at) => {
      const own = this.runs[at]
      return own?.producer === run.producer && own.fromSeq === run.fromSeq && own.count === run.count
    })
    const ordered = names.every((name, at) => at === 0 || (names[at - 1] as string) < name)
    return (
      controls === this.controls && count === sum && count > 0 && same && ordered && runs.length === this.runs.length
    )
  }

  // Every later root covers the same fault, so the first block alone is named.
  private expectRoot({ root }: Header): void {
    if (this.hasBrokenRoot) return
    this.hasBrokenRoot = this.tree.root().toString('hex') !== root
    this.expectChain(!this.hasBrokenRoot, 'its root, and every later one, is not the root of the entries')
  }

  private expectEpoch({ epoch, time }: Header): void {
    this.epochs.checked += 1
    const forward = time >= this.previous.time && epoch >= this.previous.epoch
    const what = 'its time or epoch goes back'
    this.epochs.expect(forward, () => ({ invariant: 'I9', what, where: `block ${this.height}` }))
    this.previous = { epoch: Math.max(epoch, this.previous.epoch), time: Math.max(time, this.previous.time) }
  }

  private expectChain(holds: boolean, what: string, invariant: 'I3' | 'I4' = 'I3'): void {
    this.chain.expect(holds, () => ({ invariant, what, where: this.place() }))
  }

  private place(): string {
    return `block ${this.height}, entry ${this.size}`
  }

  private append(bytes: Uint8Array): void {
    const hash = leafHashOf(bytes)
    this.tree.append(hash)
    this.openTile(0, hash)
  }

  private openTile(level: number, hash: Buffer): void {
    const open = (this.openTiles[level] ??= [])
    open.push(hash)
    if (open.length < 256) return
    const index = Math.floor((this.size - 1) / 256 ** (level + 1))
    const root = tileRoot(open)
    this.options.onTile({ level, index, hashes: Buffer.concat(open), width: 256, root })
    this.openTiles[level] = []
    this.openTile(level + 1, root)
  }
}
