// `careseal fsck --export`: re-derives from a folder all that an export can show, in a memory that does not grow with it.
import { ChainWalk, type WalkedTile } from './chain-walk.js'
import { countingOf, expectNote, quorumChecks } from './checkpoint-pass.js'
import { BrokenBundle, entriesOf, hashTile, hasHashTiles, pathOf } from './export-source.js'
import { entryOf } from './naive-entry.js'
import { Check, reportOf, type FsckReport, type Progress } from './report.js'
import { TagTurn, turnsFor } from './repeated-tags.js'

export type FsckExportInput = {
  folder: string
  /** The signed checkpoint of the export, which says how far it goes. */
  note: string
  /** Keys that the reader trusts; without any, those that the ledger itself names. */
  vkeys: readonly string[]
  /** Who has to have co-signed the checkpoint: the text of a policy file. */
  policy?: string | undefined
  progress?: Progress
}

/** Throws only when the folder cannot be read; whatever is wrong with what it holds is a violation. */
export function fsckExport(input: FsckExportInput): FsckReport {
  return reportOf(new ExportPass(input).run(), 'export')
}

const ENTRIES_PER_REPORT = 4096

class ExportPass {
  private readonly bundles = new Check('every entry up to the checkpoint is there', ['I3'])
  private readonly tiles = new Check('tiles hold the hashes of their entries', ['I6'])
  private readonly tags = new Check('no two leaves share a tag', ['I2'])
  private readonly signed = new Check('the checkpoint is signed and true', ['I5'])
  private readonly size: number
  private readonly origin: string
  private readonly walk: ChainWalk
  private readonly turns: number

  constructor(private readonly input: FsckExportInput) {
    const [origin = '', size] = input.note.split('\n')
    this.origin = origin
    this.size = /^\d{1,15}$/.test(size ?? '') ? Number(size) : 0
    this.turns = turnsFor(this.size)
    this.walk = new ChainWalk({ origin, onTile: (tile) => this.expectTile(tile) })
  }

  run(): Check[] {
    const isWhole = this.eachEntry(0, (bytes, tags) => this.entry(bytes, tags))
    if (isWhole) {
      this.expectEnd()
      for (let turn = 1; turn < this.turns; turn++) this.eachEntry(turn, (bytes, tags) => this.tag(bytes, tags))
    }
    const quorum = quorumChecks([this.input.note], this.input.policy)
    return [...this.walk.checks(), this.bundles, this.tags, this.tiles, this.signed, ...quorum]
  }

  private eachEntry(turn: number, look: (bytes: Buffer, tags: TagTurn) => void): boolean {
    const tags = new TagTurn(turn, this.size)
    const total = this.size * this.turns
    let done = turn * this.size
    try {
      for (const bytes of entriesOf(this.input.folder, this.size)) {
        look(bytes, tags)
        if (++done % ENTRIES_PER_REPORT === 0) this.input.progress?.({ check: 'entries', done, total })
      }
      return true
    } catch (error) {
      if (!(error instanceof BrokenBundle)) throw error
      this.bundles.expect(false, () => ({ invariant: 'I3', what: error.fault, where: error.path }))
      return false
    }
  }

  private entry(bytes: Buffer, tags: TagTurn): void {
    const entry = entryOf(bytes)
    this.bundles.checked += 1
    if (entry === null) this.walk.unreadable(bytes)
    else if ('leaf' in entry) {
      this.expectNewTag(entry.leaf.tag, tags)
      this.walk.leaf(bytes, entry.leaf)
    } else if ('block' in entry) this.walk.header(bytes, entry.block)
    else if ('admin' in entry) this.walk.admin(bytes, entry.admin)
    else this.walk.genesis(bytes, entry.genesis)
  }

  private tag(bytes: Buffer, tags: TagTurn): void {
    const entry = entryOf(bytes)
    if (entry && 'leaf' in entry) this.expectNewTag(entry.leaf.tag, tags)
  }

  private expectNewTag(tag: string, tags: TagTurn): void {
    this.tags.checked += 1
    this.tags.expect(!tags.isRepeated(tag), () => {
      return { invariant: 'I2', what: 'another leaf has the same tag', where: `tag ${tag}` }
    })
  }

  private expectTile({ level, index, width, hashes }: WalkedTile): void {
    if (!hasHashTiles(this.input.folder)) return
    const stored = hashTile(this.input.folder, level, { index, width })
    this.tiles.checked += 1
    this.tiles.expect(stored?.equals(hashes) === true, () => {
      return {
        invariant: 'I6',
        what: 'it is missing or holds other hashes',
        where: pathOf(String(level), index, width),
      }
    })
  }

  private expectEnd(): void {
    this.walk.expectWholeBlocks()
    for (const tile of this.walk.partialTiles()) this.expectTile(tile)
    const vkeys = countingOf(this.walk.keysAt(this.size), this.input.vkeys)
    this.signed.checked += 1
    expectNote(this.signed, this.input.note, { origin: this.origin, vkeys, size: this.size, root: this.walk.root() })
  }
}
