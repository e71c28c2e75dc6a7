// Re-derives everything that a ledger claims from its entries alone, one by one, in memory that does not grow with it.
// The first entry that does not follow from those before it is a LedgerFault, which names its block and index.
import { fromHex, hex } from '@careseal/crypto/portable'
import { CompactRange, equalHashes, leafHash, type Hash, type Sha256 } from '@careseal/merkle'
import {
  encodeHeader,
  NO_HASH,
  type Admin,
  type Entry,
  type Genesis,
  type Header,
  type Leaf,
  type Run,
} from './entry.js'
import { parseEntry } from './entry-parse.js'
import { beginGovernance, govern, type Governance, type LedgerKey } from './governance.js'
import { LeafReader, type LeafPlace } from './leaf-reader.js'
import { firstLink, nextLink } from './link.js'
import { Malformed } from './malformed.js'
import type { Head } from './plan-block.js'

export type FaultCode =
  | 'malformed-entry'
  | 'genesis-misplaced'
  | 'genesis-not-alone'
  | 'first-link-wrong'
  | 'control-misplaced'
  | 'admission-wrong'
  | 'administration-wrong'
  | 'approval-missing'
  | 'producer-not-admitted'
  | 'sequence-broken'
  | 'runs-out-of-order'
  | 'height-wrong'
  | 'previous-hash-wrong'
  | 'first-index-wrong'
  | 'count-wrong'
  | 'runs-wrong'
  | 'root-wrong'
  | 'epoch-went-back'
  | 'time-went-back'
  | 'block-unfinished'
  | 'entries-missing'
  | 'origin-wrong'
  | 'checkpoint-refused'
  | 'checkpoint-inside-block'
  | 'checkpoint-behind-state'
  | 'checkpoint-root-wrong'
  | 'log-key-not-valid'

/** A block's height and an entry's index in the tree. */
export type Place = { height: number; index: number }

/** The first thing that is wrong: in which block, and at which entry. */
export class LedgerFault extends Error {
  override readonly name = 'LedgerFault'
  readonly height: number
  readonly index: number

  constructor(
    readonly code: FaultCode,
    place: Place,
    options?: ErrorOptions,
  ) {
    super(`${code} in block ${place.height} at entry ${place.index}`, options)
    this.height = place.height
    this.index = place.index
  }
}

/** A producer's last leaf, and the link that binds it and all before it (hex). */
export type Cursor = { seq: number; link: string }

/** What is verified so far, at the end of a block: plain JSON, to go on from later. */
export type VerifiedState = Omit<Head, 'hashes'> & {
  genesis: Genesis
  hashes: string[]
  producers: { [name: string]: Cursor }
  /** Keys, policy and retreats as the administration entries so far have them. */
  governance: Governance
}

/** An entry that was verified; of a leaf, only where it stands. */
export type TakenEntry = Exclude<Entry, { leaf: Leaf }> | { leaf: LeafPlace }

type LiveCursor = { seq: number; link: Hash }

export class LedgerVerifier {
  private genesis: Genesis | null = null
  private governance: Governance | null = null
  private range: CompactRange
  private height = -1
  private headerHash = NO_HASH
  private epoch = 0
  private time = 0
  private readonly producers = new Map<string, LiveCursor>()
  private controls = 0
  private runs: Run[] = []
  private blockStart = 0
  private readonly leaves = new LeafReader()

  constructor(private readonly sha256: Sha256) {
    this.range = CompactRange.empty(sha256)
  }

  /** Goes on from a state that `state()` gave. */
  static from(sha256: Sha256, state: VerifiedState): LedgerVerifier {
    const verifier = new LedgerVerifier(sha256)
    const { genesis, governance, height, headerHash, epoch, time, treeSize } = state
    const hashes = state.hashes.map((hash) => fromHex(hash, 32))
    const range = CompactRange.from(sha256, treeSize, hashes)
    Object.assign(verifier, { genesis, governance, height, headerHash, epoch, time, range, blockStart: treeSize })
    for (const [name, { seq, link }] of Object.entries(state.producers)) {
      verifier.producers.set(name, { seq, link: fromHex(link, 32) })
    }
    return verifier
  }

  /** How many entries were taken. */
  get size(): number {
    return this.range.size
  }

  /** Whether the last entry taken was a header. */
  get atBlockEnd(): boolean {
    return this.range.size === this.blockStart
  }

  root(): Hash {
    return this.range.root()
  }

  /** The keys of log and witnesses, as the entries that were taken have them. */
  get keys(): readonly LedgerKey[] {
    return this.governance?.keys ?? []
  }

  /** What is verified. Throws a RangeError inside a block. */
  state(): VerifiedState {
    if (this.genesis === null || this.governance === null || !this.atBlockEnd)
      throw new RangeError('not at the end of a block')
    const producers = [...this.producers].map(([name, { seq, link }]) => [name, { seq, link: hex(link) }] as const)
    return {
      genesis: this.genesis,
      height: this.height,
      headerHash: this.headerHash,
      treeSize: this.range.size,
      hashes: this.range.hashes.map(hex),
      epoch: this.epoch,
      time: this.time,
      producers: Object.fromEntries(producers),
      governance: this.governance,
    }
  }

  /** Takes the next entry. Throws LedgerFault; after that the verifier takes no more. */
  push(bytes: Uint8Array): TakenEntry {
    const entry = this.parsed(bytes)
    const hash = leafHash(this.sha256, bytes)
    if ('genesis' in entry !== (this.range.size === 0)) throw this.fault('genesis-misplaced')
    if ('leaf' in entry) this.takeLeaf(entry.leaf, hash)
    else if ('block' in entry) this.takeHeader(entry.block, bytes)
    else if ('admin' in entry) this.takeAdmin(entry.admin)
    else this.takeGenesis(entry.genesis)
    this.range.append(hash)
    if ('block' in entry) this.blockStart = this.range.size
    return entry
  }

  /** Where the next entry stands, or would stand. */
  place(): Place {
    return { height: this.height + 1, index: this.range.size }
  }

  private fault(code: FaultCode): LedgerFault {
    return new LedgerFault(code, this.place())
  }

  private parsed(bytes: Uint8Array): TakenEntry {
    const leaf = this.leaves.read(bytes)
    if (leaf) return { leaf }
    try {
      return parseEntry(bytes)
    } catch {
      throw this.fault('malformed-entry')
    }
  }

  private takeGenesis(genesis: Genesis): void {
    this.genesis = genesis
    this.governance = beginGovernance(genesis)
    this.controls = 1
    for (const [name, link] of Object.entries(genesis.producers)) this.admit(name, link, 'first-link-wrong')
  }

  private takeAdmin(admin: Admin): void {
    if (this.height === -1) throw this.fault('genesis-not-alone')
    if (this.runs.length > 0) throw this.fault('control-misplaced')
    this.controls += 1
    if (admin.type === 'producer-admitted') this.takeAdmission(admin.data)
    else this.takeGovernance(admin)
  }

  private takeGovernance(admin: Admin): void {
    try {
      this.governance = govern(this.sha256, this.governance as Governance, { index: this.range.size, admin })
    } catch (cause) {
      if (cause instanceof Malformed) throw new LedgerFault('administration-wrong', this.place(), { cause })
      throw cause
    }
  }

  private takeAdmission(data: Admin['data']): void {
    const { name, firstLink, follows } = Object(data) as Record<string, unknown>
    const known = follows === null || (typeof follows === 'string' && this.producers.has(follows))
    if (typeof name !== 'string' || this.producers.has(name) || !known) throw this.fault('admission-wrong')
    this.admit(name, firstLink, 'admission-wrong')
  }

  private admit(name: string, link: unknown, code: FaultCode): void {
    let expected: Hash
    try {
      expected = firstLink(this.sha256, this.genesis!.origin, name)
    } catch {
      throw this.fault(code)
    }
    if (link !== hex(expected)) throw this.fault(code)
    this.producers.set(name, { seq: 0, link: expected })
  }

  private takeLeaf({ producer, seq }: LeafPlace, hash: Hash): void {
    if (this.height === -1) throw this.fault('genesis-not-alone')
    const cursor = this.producers.get(producer)
    if (cursor === undefined) throw this.fault('producer-not-admitted')
    if (seq !== cursor.seq + 1) throw this.fault('sequence-broken')
    cursor.seq = seq
    cursor.link = nextLink(this.sha256, cursor.link, hash)
    const run = this.runs.at(-1)
    if (run?.producer === producer) run.count += 1
    else if (run === undefined || run.producer < producer) this.runs.push({ producer, fromSeq: seq, count: 1 })
    else throw this.fault('runs-out-of-order')
  }

  private takeHeader(header: Header, bytes: Uint8Array): void {
    const taken = this.range.size - this.blockStart
    if (header.height !== this.height + 1) throw this.fault('height-wrong')
    if (header.prevHash !== this.headerHash) throw this.fault('previous-hash-wrong')
    if (header.firstIndex !== this.blockStart) throw this.fault('first-index-wrong')
    if (header.count !== taken || header.controls !== this.controls) throw this.fault('count-wrong')
    if (header.root !== hex(this.range.root())) throw this.fault('root-wrong')
    if (header.epoch < this.epoch) throw this.fault('epoch-went-back')
    if (header.time < this.time) throw this.fault('time-went-back')
    // One spelling of an entry: had the header other runs than those that were taken, it would have other bytes.
    if (!equalHashes(encodeHeader({ ...header, runs: this.runs }), bytes)) throw this.fault('runs-wrong')
    this.height = header.height
    this.headerHash = hex(this.sha256(bytes))
    this.epoch = header.epoch
    this.time = header.time
    this.controls = 0
    this.runs = []
  }
}
