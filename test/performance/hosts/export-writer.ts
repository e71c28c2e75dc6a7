// An export of a ledger of any size, without a database: the entries that the sequencer would have written, in the tiles
// layout that `careseal verify --export` reads.
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hex, sha256 } from '@careseal/crypto'
import {
  ED25519,
  EMPTY_HEAD,
  firstLink,
  formatBundle,
  formatCheckpoint,
  formatVkey,
  planBlock,
  signNote,
  vkeyOf,
  type Head,
} from '@careseal/ledger-core'
import { LeafChain } from './leaf-chain.js'

export type ExportOptions = { folder: string; leaves: number; seed: string; onProgress: (done: number) => void }
export type Exported = { vkey: string; entries: number; bytes: number }

const ORIGIN = 'bench.careseal.example/export'
const PRODUCER = 'records'
const BLOCK = 4_096
const BUNDLE = 256
const TIME = 1_767_225_600

export async function writeExport({ folder, leaves, seed, onProgress }: ExportOptions): Promise<Exported> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const bytes = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const key = vkeyOf(sha256, { name: ORIGIN, type: ED25519, publicKey: Uint8Array.from(bytes) })
  const vkey = formatVkey(key)
  const bundles = new BundleFolder(folder)
  const { head, root } = writeBlocks({ vkey, leaves, seed, onProgress }, bundles)
  const text = formatCheckpoint({ origin: ORIGIN, size: head.treeSize, root })
  const signed = await signNote(text, { ...key, sign: (message) => sign(null, message, privateKey) })
  writeFileSync(join(folder, 'checkpoint'), signed)
  return { vkey, entries: head.treeSize, bytes: bundles.end() }
}

type Blocks = Omit<ExportOptions, 'folder'> & { vkey: string }

function writeBlocks(
  { vkey, leaves, seed, onProgress }: Blocks,
  bundles: BundleFolder,
): { head: Head; root: Uint8Array } {
  const producers = { [PRODUCER]: hex(firstLink(sha256, ORIGIN, PRODUCER)) }
  const genesis = { origin: ORIGIN, logKeys: [vkey], operators: [], producers, previous: null }
  const chain = new LeafChain({ origin: ORIGIN, producer: PRODUCER, seed })
  let block = planBlock({ head: EMPTY_HEAD, controls: [{ genesis }], leaves: [], epoch: 1, time: TIME }, sha256)
  bundles.add(block.entries)
  for (let done = 0; done < leaves; done += BLOCK) {
    const batch = Array.from({ length: Math.min(BLOCK, leaves - done) }, () => chain.next())
    block = planBlock({ head: block.newHead, leaves: batch, epoch: 1, time: TIME + block.newHead.height }, sha256)
    bundles.add(block.entries)
    if (block.newHead.height % 50 === 0) onProgress(done)
  }
  return { head: block.newHead, root: block.root }
}

/** Entry bundles as files, each when it is full, the last when it ends. */
class BundleFolder {
  private readonly folder: string
  private waiting: Uint8Array[] = []
  private count = 0
  private bytes = 0

  constructor(folder: string) {
    this.folder = folder
  }

  add(entries: readonly Uint8Array[]): void {
    this.waiting.push(...entries)
    while (this.waiting.length >= BUNDLE) this.write(this.waiting.splice(0, BUNDLE))
  }

  end(): number {
    if (this.waiting.length > 0) this.write(this.waiting.splice(0))
    return this.bytes
  }

  private write(entries: Uint8Array[]): void {
    const partial = entries.length < BUNDLE ? `.p/${entries.length}` : ''
    const file = join(this.folder, 'tile', 'entries', pathOf(this.count++) + partial)
    const bundle = formatBundle(entries)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bundle)
    this.bytes += bundle.length
  }
}

// C2SP tlog-tiles: groups of three digits, all but the last with an x before them.
function pathOf(index: number): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  return groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/')
}
