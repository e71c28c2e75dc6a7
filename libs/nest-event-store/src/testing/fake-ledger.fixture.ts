// A ledger over HTTP for tests: seals what a producer's tables hold, with real blocks, proofs and signatures, and can
// be told to lie or to be away. The real one is apps/ledger-sequencer.
import { hex, sha256 } from '@careseal/crypto'
import {
  ED25519,
  EMPTY_HEAD,
  firstLink,
  formatCheckpoint,
  formatTlogProof,
  formatVkey,
  planBlock,
  signNote,
  vkeyOf,
  type Admin,
  type Control,
  type Head,
  type Leaf,
  type PlannedBlock,
} from '@careseal/ledger-core'
import { inclusionProof, merkleRoot } from '@careseal/merkle'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { json } from 'node:stream/consumers'
import type { AddressInfo } from 'node:net'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { Pool } from 'pg'

type ProducerRow = { seq: string; tag: Buffer; commitment: Buffer; link: Buffer }

export class FakeLedger {
  /** While true it answers nothing but 503. */
  isAway = false
  /** What it claims of the producer instead of what it sealed. */
  claimed: { lastSeq: number; lastLink: string; latest?: string } | undefined
  readonly vkey: string
  url = ''

  private readonly keys = generateKeyPairSync('ed25519')
  private readonly identity
  private readonly blocks: PlannedBlock[] = []
  private readonly server: Server
  private head: Head = EMPTY_HEAD
  private last: { lastSeq: number; lastLink: string }
  private checkpoint = { size: 0, note: '' }
  private admitted: { producer: string; firstLink: string } | undefined

  constructor(
    private readonly origin: string,
    private readonly producer: string,
  ) {
    const { x } = this.keys.publicKey.export({ format: 'jwk' })
    this.identity = vkeyOf(sha256, { name: origin, type: ED25519, publicKey: Buffer.from(x!, 'base64url') })
    this.vkey = formatVkey(this.identity)
    this.last = { lastSeq: 0, lastLink: hex(firstLink(sha256, origin, producer)) }
    this.server = createServer((request, response) => {
      void this.answerRequest(request).then(({ status, body }) =>
        response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body)),
      )
    })
  }

  async start(): Promise<void> {
    const genesis: Control = {
      genesis: { origin: this.origin, logKeys: [this.vkey], operators: [], producers: {}, previous: null },
    }
    this.commit({ controls: [genesis], leaves: [] })
    await this.publish()
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.server.close()
    this.server.closeAllConnections()
    await once(this.server, 'close')
  }

  /** Commits a block of what the producer has numbered since the last one; answers how many leaves. */
  async seal(pool: Pool): Promise<number> {
    const { rows } = await pool.query<ProducerRow>(
      'SELECT seq, tag, commitment, link FROM outbox_numbered WHERE producer = $1 AND seq > $2 ORDER BY seq',
      [this.producer, this.last.lastSeq],
    )
    if (rows.length === 0) return 0
    this.commit({ leaves: rows.map((row) => this.leafOf(row)) })
    this.last = { lastSeq: Number(rows.at(-1)!.seq), lastLink: hex(rows.at(-1)!.link) }
    return rows.length
  }

  async publish(): Promise<void> {
    const { treeSize: size } = this.head
    const text = formatCheckpoint({ origin: this.origin, size, root: this.blocks.at(-1)!.root })
    const signer = { ...this.identity, sign: (bytes: Uint8Array) => sign(null, bytes, this.keys.privateKey) }
    this.checkpoint = { size, note: await signNote(text, signer) }
  }

  private leafOf(row: ProducerRow): Leaf {
    return { producer: this.producer, seq: Number(row.seq), tag: hex(row.tag), commitment: hex(row.commitment) }
  }

  private commit(input: { controls?: Control[]; leaves: Leaf[] }): void {
    const block = planBlock({ head: this.head, epoch: 1, time: 1_800_000_000, ...input }, sha256)
    this.blocks.push(block)
    this.head = block.newHead
  }

  /** Entries that operators approved at the index where the next one stands; it believes them. */
  private admit({ index, type, data, approvals }: { index: number } & Admin): { status: number; body: unknown } {
    if (index !== this.head.treeSize) {
      return { status: 409, body: { code: 'index-passed', detail: 'too late', index: this.head.treeSize } }
    }
    this.commit({ controls: [{ admin: { type, data, approvals } }], leaves: [] })
    const { name: producer, firstLink: first } = data as { name: string; firstLink: string }
    this.admitted = { producer, firstLink: first }
    return { status: 201, body: { index } }
  }

  private heads(): { producer: string; latest: string; lastSeq: number; lastLink: string }[] {
    const { producer, admitted, last, claimed } = this
    const latest = admitted?.producer ?? producer
    const own = { producer, latest, ...(claimed ?? last) }
    return admitted ? [own, { producer: latest, latest, lastSeq: 0, lastLink: admitted.firstLink }] : [own]
  }

  private async answerRequest(request: IncomingMessage): Promise<{ status: number; body: unknown }> {
    const url = new URL(request.url!, 'http://ledger')
    if (request.method !== 'POST') return this.answer(url)
    return this.admit((await json(request)) as { index: number } & Admin)
  }

  private async answer(url: URL): Promise<{ status: number; body: unknown }> {
    if (this.isAway) return { status: 503, body: 'away' }
    if (url.pathname === '/ledger/producers') return { status: 200, body: { producers: this.heads() } }
    const head = this.heads().find(({ producer }) => url.pathname === `/ledger/producers/${producer}`)
    if (head) return { status: 200, body: head }
    if (url.pathname === '/ledger/entries') return { status: 200, body: this.entries(url.searchParams) }
    if (url.pathname === '/ledger/checkpoint') return { status: 200, body: this.checkpoint.note }
    if (url.pathname === '/ledger/blocks') return { status: 200, body: this.page(url.searchParams) }
    if (url.pathname === '/ledger/proof/tlog') return this.proof(Number(url.searchParams.get('index')))
    return { status: 404, body: 'nothing here' }
  }

  private page(query: URLSearchParams): object {
    const from = Number(query.get('from'))
    const blocks = this.blocks.slice(from, from + Number(query.get('limit')))
    return { blocks: blocks.map((block) => ({ header: Buffer.from(block.headerBytes).toString('base64') })) }
  }

  private entries(query: URLSearchParams): object {
    const from = Number(query.get('from'))
    const bytes = this.blocks.flatMap((block) => block.entries).slice(from, from + Number(query.get('limit')))
    return {
      entries: bytes.map((entry) => ({ bytes: Buffer.from(entry).toString('base64') })),
      treeSize: this.head.treeSize,
    }
  }

  private async proof(index: number): Promise<{ status: number; body: string }> {
    const { size, note } = this.checkpoint
    if (index >= size) return { status: 404, body: 'not published' }
    const hashes = this.blocks.flatMap((block) => block.leafHashes)
    const proof = await inclusionProof(index, size, (start, end) => merkleRoot(sha256, hashes.slice(start, end)))
    return { status: 200, body: formatTlogProof({ index, proof, checkpoint: note }) }
  }
}
