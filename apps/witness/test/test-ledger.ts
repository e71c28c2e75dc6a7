// A whole ledger as a sequencer makes it, and a server of its tiles that can be told to lie.
import { hex, sha256, utf8 } from '@careseal/crypto'
import {
  EMPTY_HEAD,
  firstLink,
  formatAddCheckpoint,
  formatBundle,
  formatCheckpoint,
  formatTlogProof,
  planBlock,
  signNote,
  type Genesis,
  type Leaf,
} from '@careseal/ledger-core'
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  merkleRoot,
  parseTilePath,
  tileAt,
  type Hash,
} from '@careseal/merkle'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TestLog } from './test-log.js'

export class TestLedger {
  readonly log: TestLog
  readonly entries: Uint8Array[] = []
  private head = EMPTY_HEAD
  private seq = 0

  constructor(readonly origin: string) {
    this.log = new TestLog(origin)
    const producers = { consent: hex(firstLink(sha256, origin, 'consent')) }
    const genesis: Genesis = { origin, logKeys: [this.log.vkey], operators: [], producers, previous: null }
    this.add({ controls: [{ genesis }], leaves: [] })
  }

  get size(): number {
    return this.entries.length
  }

  /** One block of so many leaves; `salt` makes other leaves of them. */
  grow(count: number, salt = ''): this {
    const leaves = Array.from({ length: count }, () => this.leaf(salt))
    return this.add({ leaves })
  }

  /** A block of one leaf that commits to this, and the text of the proof that it stands there. */
  async addCommitment(
    commitment: string,
    cosign = async (note: string) => note,
  ): Promise<{ leaf: Leaf; proof: string }> {
    const leaf = { ...this.leaf(''), commitment }
    const index = this.size
    this.add({ leaves: [leaf] })
    const hashes = this.hashes(this.size)
    const proof = await inclusionProof(index, this.size, (start, end) => merkleRoot(sha256, hashes.slice(start, end)))
    return { leaf, proof: formatTlogProof({ index, proof, checkpoint: await cosign(await this.checkpoint()) }) }
  }

  root(size: number): Hash {
    return merkleRoot(sha256, this.hashes(size))
  }

  checkpoint(size = this.size): Promise<string> {
    return signNote(formatCheckpoint({ origin: this.origin, size, root: this.root(size) }), this.log.signer)
  }

  async request(from: number, size = this.size): Promise<string> {
    const hashes = this.hashes(size)
    const rangeHash = (start: number, end: number) => merkleRoot(sha256, hashes.slice(start, end))
    const proof = from > 0 && from < size ? await consistencyProof(from, size, rangeHash) : []
    return formatAddCheckpoint({ oldSize: BigInt(from), proof, note: await this.checkpoint(size) })
  }

  private hashes(size: number): Hash[] {
    return this.entries.slice(0, size).map((entry) => leafHash(sha256, entry))
  }

  private leaf(salt: string): Leaf {
    this.seq += 1
    const hash = (what: string) => hex(sha256(utf8(`${what} ${this.seq} ${salt}`)))
    return { producer: 'consent', seq: this.seq, tag: hash('tag'), commitment: hash('commitment') }
  }

  private add(block: Partial<Parameters<typeof planBlock>[0]> & { leaves: Leaf[] }): this {
    const time = 1_790_000_000 + this.head.height
    const planned = planBlock({ head: this.head, epoch: 1, time, ...block }, sha256)
    this.entries.push(...planned.entries)
    this.head = planned.newHead
    return this
  }
}

/** Serves the entries of a ledger; `asked` are the paths that were asked for. */
export class LedgerServer {
  asked: string[] = []
  isDown = false
  /** Answers 404 for partial bundles, as a log may once the full one is there. */
  hasPartial = true
  /** Bundles from this index on are not served. */
  endsAt = Infinity

  private constructor(
    public ledger: TestLedger,
    private readonly server: Server,
  ) {
    server.on('request', ({ url = '' }, response) => {
      const bytes = this.answer(url.slice('/ledger/'.length))
      response.writeHead(this.isDown ? 503 : bytes ? 200 : 404).end(this.isDown ? '' : bytes)
    })
  }

  static async start(ledger: TestLedger): Promise<LedgerServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new LedgerServer(ledger, server)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/ledger`
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    await once(this.server, 'close')
  }

  private answer(path: string): Uint8Array | null {
    this.asked.push(path)
    const tile = parseTilePath(path)
    if (tile && Number(tile.index) >= this.endsAt) return null
    if (tile?.level !== 'entries' || (tile.width < 256 && !this.hasPartial)) return null
    const held = tileAt(this.ledger.size, 'entries', Number(tile.index))
    if (!held || held.width < tile.width) return null
    const start = Number(tile.index) * 256
    return formatBundle(this.ledger.entries.slice(start, start + tile.width))
  }
}
