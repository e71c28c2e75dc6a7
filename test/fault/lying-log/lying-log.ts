// A log that lies with its real key: whatever it is told to tell, it seals into blocks, roots and signatures that are all
// right by themselves. Only the lie is wrong.
import { generateKeyPairSync, sign } from 'node:crypto'
import { hex, sha256, utf8 } from '@careseal/crypto'
import {
  ED25519,
  encodeGenesis,
  encodeHeader,
  encodeLeaf,
  firstLink,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVkey,
  NO_HASH,
  signNote,
  vkeyOf,
  type Leaf,
  type NoteSigner,
  type Run,
} from '@careseal/ledger-core'
import { CompactRange, consistencyProof, leafHash, merkleRoot, type Hash } from '@careseal/merkle'

/** What one block is said to hold, in the order in which it is said; `time` in seconds since 1970. */
export type ToldBlock = { leaves: Leaf[]; time: number }

export const PRODUCERS = ['consent', 'records'] as const
const START = 1_780_000_000

export class LyingLog {
  readonly vkey: string
  private readonly signer: NoteSigner

  constructor(readonly origin: string) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const bytes = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
    const vkey = vkeyOf(sha256, { name: origin, type: ED25519, publicKey: bytes })
    this.vkey = formatVkey(vkey)
    this.signer = { ...vkey, sign: (message) => new Uint8Array(sign(null, message, privateKey)) }
  }

  /** A history: genesis, then these blocks. `spoil` changes entries after they were sealed. */
  tell(blocks: readonly ToldBlock[], spoil: (entries: Uint8Array[]) => Uint8Array[] = (entries) => entries): Told {
    const sealer = new Sealer()
    sealer.seal([this.genesis()], { leaves: [], time: START })
    for (const block of blocks) sealer.seal([], block)
    return new Told(this.origin, spoil(sealer.entries), this.signer)
  }

  private genesis(): Uint8Array {
    const links = PRODUCERS.map((name) => [name, hex(firstLink(sha256, this.origin, name))] as const)
    const producers = Object.fromEntries(links)
    return encodeGenesis({ origin: this.origin, logKeys: [this.vkey], operators: [], producers, previous: null })
  }
}

/** A history as it is told to somebody, with signatures over any of its prefixes. */
export class Told {
  private readonly hashes: Hash[]

  constructor(
    private readonly origin: string,
    readonly entries: readonly Uint8Array[],
    private readonly signer: NoteSigner,
  ) {
    this.hashes = entries.map((bytes) => leafHash(sha256, bytes))
  }

  get size(): number {
    return this.entries.length
  }

  checkpoint(size = this.size): Promise<string> {
    const root = merkleRoot(sha256, this.hashes.slice(0, size))
    return signNote(formatCheckpoint({ origin: this.origin, size, root }), this.signer)
  }

  /** The body of add-checkpoint for a witness that is said to have seen `oldSize`, with this history's own proof. */
  async request(oldSize: number, size = this.size): Promise<string> {
    const rangeHash = (start: number, end: number) => merkleRoot(sha256, this.hashes.slice(start, end))
    const proof = oldSize > 0 && oldSize < size ? await consistencyProof(oldSize, size, rangeHash) : []
    return formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, note: await this.checkpoint(size) })
  }
}

/** Two producers' leaves from `fromSeq` on, `count` of each, in their right order. */
export function leavesFrom(fromSeq: number, count: number, story = ''): Leaf[] {
  return PRODUCERS.flatMap((producer) => Array.from({ length: count }, (_, i) => leafOf(producer, fromSeq + i, story)))
}

/** Blocks of five leaves of each producer, a second apart. */
export function honestBlocks(count: number): ToldBlock[] {
  return Array.from({ length: count }, (_, i) => ({ leaves: leavesFrom(1 + 5 * i, 5), time: START + 1 + i }))
}

function leafOf(producer: string, seq: number, story: string): Leaf {
  const hash = (what: string) => hex(sha256(utf8(`${what} ${producer} ${seq} ${story}`)))
  return { producer, seq, tag: hash('tag'), commitment: hash('commitment') }
}

/** Makes of anything blocks whose hashes fit one another. */
class Sealer {
  readonly entries: Uint8Array[] = []
  private readonly range = CompactRange.from(sha256, 0, [])
  private height = -1
  private prevHash = NO_HASH

  seal(controls: readonly Uint8Array[], { leaves, time }: ToldBlock): void {
    const firstIndex = this.range.size
    for (const bytes of [...controls, ...leaves.map(encodeLeaf)]) this.push(bytes)
    this.height += 1
    const header = encodeHeader({
      height: this.height,
      prevHash: this.prevHash,
      firstIndex,
      count: controls.length + leaves.length,
      controls: controls.length,
      root: hex(this.range.root()),
      runs: runsOf(leaves),
      epoch: 1,
      time,
    })
    this.push(header)
    this.prevHash = hex(sha256(header))
  }

  private push(bytes: Uint8Array): void {
    this.entries.push(bytes)
    this.range.append(leafHash(sha256, bytes))
  }
}

function runsOf(leaves: readonly Leaf[]): Run[] {
  const groups = Map.groupBy(leaves, ({ producer }) => producer)
  // A header has one spelling of its runs, whatever the order of the leaves.
  return [...groups]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([producer, some]) => {
      return { producer, fromSeq: Math.min(...some.map(({ seq }) => seq)), count: some.length }
    })
}
