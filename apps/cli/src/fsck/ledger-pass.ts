// Walks the ledger from block 0 to its head and recomputes everything, and beside each leaf reads the producer's own row.
import type { ClientBase } from 'pg'
import { firstLinkOf, GrowingTree, leafEntry, leafHashOf, linkAfter, sha256, tileRoot } from './naive.js'
import { pages, rowsOf, scalar } from './pages.js'
import { Check, type Progress } from './report.js'

export type Run = { producer: string; fromSeq: number; count: number }
type Header = {
  height: number
  prevHash: string
  firstIndex: number
  count: number
  controls: number
  root: string
  runs: Run[]
  epoch: number
  time: number
}
type BlockRow = { height: string; hash: Buffer; header: Buffer; controls: Buffer[]; leaves: Buffer }
type NumberedRow = { seq: string; tag: Buffer; commitment: Buffer; leaf_hash: Buffer; link: Buffer }
type SealedRow = { from_seq: string; count: string; first_index: string; height: string }
type Rows<Row> = { next(): Promise<Row | undefined> }

type ProducerState = { seq: number; link: Buffer; numbered: Rows<NumberedRow>; sealed: Rows<SealedRow> }

export type LedgerPassInput = {
  sql: ClientBase
  /** Opens a further connection; each producer's rows are read by one of their own. */
  connect: () => Promise<ClientBase>
  producers: readonly { producer: string; schema: string }[]
  origin: string
  progress: Progress
}

/** What the pass learned that other checks compare with. */
export type LedgerFacts = {
  treeSize: number
  root: string
  rootAt: Map<number, string>
  lastSeq: Map<string, number>
}

const BLOCKS_PER_PAGE = 200
const ROWS_PER_PAGE = 5000

export async function ledgerPass(input: LedgerPassInput): Promise<{ checks: Check[]; facts: LedgerFacts }> {
  const pass = new LedgerPass(input)
  await pass.run()
  return { checks: pass.checks(), facts: await pass.facts() }
}

class LedgerPass {
  private readonly chain = new Check('blocks hang on one another, without gaps, and cover their entries', ['I3', 'I4'])
  private readonly leaves = new Check('each leaf is the event that its producer numbered, in its order', [
    'I1',
    'I2',
    'I7',
  ])
  private readonly tiles = new Check('full tiles hold the hashes of their entries', ['I6'])
  private readonly seals = new Check('producers know where their events stand', ['I1'])
  private readonly tree = new GrowingTree()
  private readonly rootAt = new Map<number, string>()
  private readonly producers = new Map<string, ProducerState>()
  private readonly openTiles: Buffer[][] = []
  private readonly fullTiles: { level: number; index: number; hashes: Buffer; root: Buffer }[] = []
  private hasBrokenRoot = false
  private previousHash = '0'.repeat(64)
  private previousTime = 0
  private previousEpoch = 0
  private height = 0

  constructor(private readonly input: LedgerPassInput) {}

  checks(): Check[] {
    return [this.chain, this.leaves, this.tiles, this.seals]
  }

  async facts(): Promise<LedgerFacts> {
    const lastSeq = new Map([...this.producers].map(([producer, state]) => [producer, state.seq]))
    return { treeSize: this.tree.size, root: this.tree.root().toString('hex'), rootAt: this.rootAt, lastSeq }
  }

  async run(): Promise<void> {
    for (const { producer, schema } of this.input.producers) await this.openProducer(producer, schema)
    const total = await scalar(this.input.sql, 'SELECT count(*) AS value FROM ledger.block')
    const blocks = pages<BlockRow>(this.input.sql, {
      text: `SELECT height, hash, header, controls, leaves FROM ledger.block WHERE height > $1
             ORDER BY height LIMIT ${BLOCKS_PER_PAGE}`,
      after: -1,
      nextAfter: (last) => last.height,
    })
    for await (const page of blocks) {
      for (const row of page) await this.block(row)
      await this.expectTiles()
      this.input.progress({ check: 'ledger', done: this.height, total })
    }
    await this.expectHeadAndCursors()
  }

  private async openProducer(producer: string, schema: string): Promise<void> {
    const numbered = pages<NumberedRow>(await this.input.connect(), {
      text: `(SELECT seq, tag, commitment, leaf_hash, link FROM ${schema}.outbox_numbered
              WHERE seq > $1 AND producer = $2 ORDER BY seq LIMIT ${ROWS_PER_PAGE})
             UNION ALL
             (SELECT seq, tag, commitment, leaf_hash, link FROM ${schema}.lost_leaf
              WHERE seq > $1 AND producer = $2 ORDER BY seq LIMIT ${ROWS_PER_PAGE})
             ORDER BY seq LIMIT ${ROWS_PER_PAGE}`,
      after: 0,
      nextAfter: (last) => last.seq,
      values: [producer],
    })
    const sealed = pages<SealedRow>(await this.input.connect(), {
      text: `SELECT from_seq, count, first_index, height FROM ${schema}.sealed
             WHERE from_seq > $1 AND producer = $2 ORDER BY from_seq LIMIT ${ROWS_PER_PAGE}`,
      after: 0,
      nextAfter: (last) => last.from_seq,
      values: [producer],
    })
    const link = firstLinkOf(this.input.origin, producer)
    this.producers.set(producer, { seq: 0, link, numbered: rowsOf(numbered), sealed: rowsOf(sealed) })
  }

  private async block(row: BlockRow): Promise<void> {
    const header = (JSON.parse(row.header.toString('utf8')) as { block: Header }).block
    const where = `block ${row.height}`
    this.chain.checked += 1
    const expect = (holds: boolean, what: string) => this.chain.expect(holds, () => ({ invariant: 'I3', what, where }))
    expect(sha256(row.header).equals(row.hash), 'its header does not hash to its hash')
    expect(Number(row.height) === this.height && header.height === this.height, 'its height is not the next one')
    expect(header.prevHash === this.previousHash, 'it does not hang on the block before')
    expect(header.firstIndex === this.tree.size, 'its first index is not the next one')
    expect(header.time >= this.previousTime && header.epoch >= this.previousEpoch, 'its time or epoch goes back')
    const covered = header.controls + header.runs.reduce((sum, run) => sum + run.count, 0)
    expect(header.count === covered && row.controls.length === header.controls, 'its counts do not add up')
    for (const control of row.controls) this.append(control)
    await this.runs(header, row.leaves)
    const rootHolds = this.tree.root().toString('hex') === header.root
    // Every later root covers the same fault, so the first block alone is named.
    if (!this.hasBrokenRoot) expect(rootHolds, 'its root, and every later one, is not the root of the entries')
    this.hasBrokenRoot ||= !rootHolds
    this.append(row.header)
    this.rootAt.set(this.tree.size, this.tree.root().toString('hex'))
    this.previousHash = sha256(row.header).toString('hex')
    this.previousTime = header.time
    this.previousEpoch = header.epoch
    this.height += 1
  }

  private async runs(header: Header, packed: Buffer): Promise<void> {
    let at = 0
    for (const run of header.runs) {
      const state = this.producers.get(run.producer)
      const where = `block ${header.height}, producer ${run.producer}`
      this.leaves.expect(state !== undefined, () => ({ invariant: 'I1', what: 'nobody knows this producer', where }))
      if (!state) continue
      this.leaves.expect(run.fromSeq === state.seq + 1, () => ({ invariant: 'I2', what: 'a gap or a repeat', where }))
      await this.expectSealed(header.height, run, state)
      for (let i = 0; i < run.count; i++, at += 64) await this.leaf(run, run.fromSeq + i, packed.subarray(at, at + 64))
    }
  }

  private async leaf(run: Run, seq: number, packed: Buffer): Promise<void> {
    const state = this.producers.get(run.producer)!
    const [tag, commitment] = [packed.subarray(0, 32), packed.subarray(32)]
    const entry = leafEntry(run.producer, seq, tag.toString('hex'), commitment.toString('hex'))
    const hash = leafHashOf(entry)
    const link = linkAfter(state.link, hash)
    this.leaves.checked += 1
    const own = await state.numbered.next()
    const same =
      own !== undefined &&
      Number(own.seq) === seq &&
      own.tag.equals(tag) &&
      own.commitment.equals(commitment) &&
      own.leaf_hash.equals(hash) &&
      own.link.equals(link)
    state.seq = seq
    // Goes on from the producer's link, so that one altered leaf is one violation and not one for each leaf after it.
    state.link = own?.link ?? link
    const where = `block ${this.height}, index ${this.tree.size}, ${run.producer} ${seq}`
    this.leaves.expect(same, () => ({ invariant: 'I1', what: 'the leaf is not what its producer numbered', where }))
    this.append(entry)
  }

  private async expectSealed(height: number, run: Run, state: ProducerState): Promise<void> {
    const row = await state.sealed.next()
    if (!row) return
    this.seals.checked += 1
    const same =
      Number(row.height) === height &&
      Number(row.from_seq) === run.fromSeq &&
      Number(row.count) === run.count &&
      Number(row.first_index) === this.tree.size
    const where = `block ${height}, producer ${run.producer}`
    this.seals.expect(same, () => ({ invariant: 'I1', what: 'the producer has the seal elsewhere', where }))
  }

  private append(entry: Uint8Array): void {
    const hash = leafHashOf(entry)
    this.tree.append(hash)
    this.openTile(0, hash)
  }

  private openTile(level: number, hash: Buffer): void {
    const open = (this.openTiles[level] ??= [])
    open.push(hash)
    if (open.length < 256) return
    const index = Math.floor((this.tree.size - 1) / 256 ** (level + 1))
    const root = tileRoot(open)
    this.fullTiles.push({ level, index, hashes: Buffer.concat(open), root })
    this.openTiles[level] = []
    this.openTile(level + 1, root)
  }

  private async expectTiles(): Promise<void> {
    for (const { level, index, hashes, root } of this.fullTiles.splice(0)) {
      const { rows } = await this.input.sql.query<{ hashes: Buffer; root: Buffer }>(
        'SELECT hashes, root FROM ledger.tile WHERE level = $1 AND index = $2',
        [level, index],
      )
      this.tiles.checked += 1
      const where = `tile ${level}/${index}`
      const stored = rows[0]
      this.tiles.expect(stored !== undefined && stored.hashes.equals(hashes) && stored.root.equals(root), () => ({
        invariant: 'I6',
        what: 'a full tile is missing or holds other hashes',
        where,
      }))
    }
  }

  private async expectHeadAndCursors(): Promise<void> {
    const { rows: heads } = await this.input.sql.query<{ tree_size: string; root: Buffer }>(
      'SELECT tree_size, root FROM ledger.head',
    )
    const head = heads[0]
    this.chain.expect(
      head !== undefined && Number(head.tree_size) === this.tree.size && head.root.equals(this.tree.root()),
      () => ({ invariant: 'I3', what: 'the head is not the end of the blocks', where: 'ledger.head' }),
    )
    const { rows: cursors } = await this.input.sql.query<{ producer: string; last_seq: string; last_link: Buffer }>(
      'SELECT producer, last_seq, last_link FROM ledger.producer_cursor',
    )
    for (const cursor of cursors) {
      const state = this.producers.get(cursor.producer)
      const same = state && Number(cursor.last_seq) === state.seq && cursor.last_link.equals(state.link)
      this.leaves.expect(same === true, () => ({
        invariant: 'I2',
        what: 'the cursor is not at the last leaf of its producer',
        where: `producer ${cursor.producer}`,
      }))
    }
  }
}
