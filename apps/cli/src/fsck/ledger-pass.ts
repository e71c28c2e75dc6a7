// Walks the ledger from block 0 to its head and recomputes everything, and beside each leaf reads the producer's own row.
import type { ClientBase } from 'pg'
import { ChainWalk, type WalkedTile } from './chain-walk.js'
import { entryOf, type Run } from './naive-entry.js'
import { firstLinkOf, leafEntry, leafHashOf, linkAfter, sha256 } from './naive.js'
import { pages, rowsOf, scalar } from './pages.js'
import type { ProducerPlace } from './producers.js'
import { Check, type Progress } from './report.js'

type BlockRow = { height: string; hash: Buffer; header: Buffer; controls: Buffer[]; leaves: Buffer }
type NumberedRow = { seq: string; tag: Buffer; commitment: Buffer; leaf_hash: Buffer; link: Buffer }
type SealedRow = { from_seq: string; count: string; first_index: string; height: string }
type Rows<Row> = { next(): Promise<Row | undefined> }

type ProducerState = { link: Buffer; numbered: Rows<NumberedRow>; sealed: Rows<SealedRow> }

export type LedgerPassInput = {
  sql: ClientBase
  /** Opens a further connection; each producer's rows are read by one of their own. */
  connect: () => Promise<ClientBase>
  producers: readonly ProducerPlace[]
  origin: string
  progress: Progress
}

/** What the pass learned that other checks compare with. */
export type LedgerFacts = {
  treeSize: number
  /** Root in hex by tree size, at the end of each block. */
  rootAt: Map<number, string>
  lastSeq: Map<string, number>
  lastEpoch: number
  /** The keys of the log whose signatures count for a tree of this size. */
  keysAt: (size: number) => string[]
}

const BLOCKS_PER_PAGE = 200
const ROWS_PER_PAGE = 5000

export async function ledgerPass(input: LedgerPassInput): Promise<{ checks: Check[]; facts: LedgerFacts }> {
  const pass = new LedgerPass(input)
  await pass.run()
  return { checks: pass.checks(), facts: pass.facts() }
}

class LedgerPass {
  private readonly rows = new Check('stored blocks and the head are what their headers say', ['I3', 'I4'])
  private readonly leaves = new Check('each leaf is the event that its producer numbered, in its order', [
    'I1',
    'I2',
    'I7',
    'I21',
  ])
  private readonly tiles = new Check('full tiles hold the hashes of their entries', ['I6'])
  private readonly seals = new Check('producers know where their events stand', ['I1'])
  private readonly rootAt = new Map<number, string>()
  private readonly producers = new Map<string, ProducerState>()
  private readonly fullTiles: WalkedTile[] = []
  private readonly walk: ChainWalk

  constructor(private readonly input: LedgerPassInput) {
    this.walk = new ChainWalk({
      origin: input.origin,
      onTile: (tile) => this.fullTiles.push(tile),
      onBlock: (size) => this.rootAt.set(size, this.walk.root().toString('hex')),
    })
  }

  checks(): Check[] {
    return [...this.walk.checks(), this.rows, this.leaves, this.tiles, this.seals]
  }

  facts(): LedgerFacts {
    const { size, lastEpoch } = this.walk
    const lastSeq = new Map(this.walk.producers().map((producer) => [producer, this.walk.lastSeqOf(producer)]))
    const keysAt = (at: number) => this.walk.keysAt(at)
    return { treeSize: size, rootAt: this.rootAt, lastSeq, lastEpoch, keysAt }
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
      this.input.progress({ check: 'ledger', done: this.walk.height, total })
    }
    await this.expectHead()
    await this.expectCursors()
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
    this.producers.set(producer, { link, numbered: rowsOf(numbered), sealed: rowsOf(sealed) })
  }

  private async block(row: BlockRow): Promise<void> {
    const entry = entryOf(row.header)
    const what = 'its row is not what its header says'
    const same = sha256(row.header).equals(row.hash) && Number(row.height) === this.walk.height
    this.rows.checked += 1
    this.rows.expect(same, () => ({ invariant: 'I4', what, where: `block ${row.height}` }))
    for (const control of row.controls) this.control(control)
    if (entry === null || !('block' in entry)) return this.walk.unreadable(row.header)
    await this.runs(entry.block.runs, row.leaves)
    this.walk.header(row.header, entry.block)
  }

  private control(bytes: Buffer): void {
    const entry = entryOf(bytes)
    if (entry && 'genesis' in entry) this.walk.genesis(bytes, entry.genesis)
    else if (entry && 'admin' in entry) this.walk.admin(bytes, entry.admin)
    else this.walk.unreadable(bytes)
  }

  private async runs(runs: readonly Run[], packed: Buffer): Promise<void> {
    const where = `block ${this.walk.height}`
    const what = 'it holds more or fewer leaves than its header says'
    const count = runs.reduce((sum, run) => sum + run.count, 0)
    this.rows.expect(packed.length === count * 64, () => ({ invariant: 'I3', what, where }))
    let at = 0
    for (const run of runs) {
      await this.expectSealed(run)
      for (let i = 0; i < run.count && at < packed.length; i++, at += 64) {
        await this.leaf(run.producer, run.fromSeq + i, packed.subarray(at, at + 64))
      }
    }
  }

  private async leaf(producer: string, seq: number, packed: Buffer): Promise<void> {
    const [tag, commitment] = [packed.subarray(0, 32), packed.subarray(32)]
    const entry = leafEntry(producer, seq, tag.toString('hex'), commitment.toString('hex'))
    const where = `block ${this.walk.height}, index ${this.walk.size}, ${producer} ${seq}`
    const state = this.producers.get(producer)
    const own = await state?.numbered.next()
    this.leaves.checked += 1
    this.leaves.expect(own !== undefined, () => {
      return { invariant: 'I21', what: 'its producer does not have it: it is behind the ledger', where }
    })
    if (state && own) {
      const hash = leafHashOf(entry)
      const link = linkAfter(state.link, hash)
      const ours = Number(own.seq) === seq && own.tag.equals(tag) && own.commitment.equals(commitment)
      const linked = own.leaf_hash.equals(hash) && own.link.equals(link)
      const what = 'the leaf is not what its producer numbered'
      this.leaves.expect(ours && linked, () => ({ invariant: 'I1', what, where }))
      // Goes on from the producer's link, so that one altered leaf is one violation and not one for each leaf after it.
      state.link = own.link
    }
    this.walk.leaf(entry, { producer, seq })
  }

  private async expectSealed(run: Run): Promise<void> {
    const row = await this.producers.get(run.producer)?.sealed.next()
    if (!row) return
    this.seals.checked += 1
    const same =
      Number(row.height) === this.walk.height &&
      Number(row.from_seq) === run.fromSeq &&
      Number(row.count) === run.count &&
      Number(row.first_index) === this.walk.size
    const where = `block ${this.walk.height}, producer ${run.producer}`
    this.seals.expect(same, () => ({ invariant: 'I1', what: 'the producer has the seal elsewhere', where }))
  }

  private async expectTiles(): Promise<void> {
    const expected = this.fullTiles.splice(0)
    if (expected.length === 0) return
    const { rows } = await this.input.sql.query<{ level: number; index: string; hashes: Buffer; root: Buffer }>(
      `SELECT level, index, hashes, root FROM ledger.tile
       JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (level, index) USING (level, index)`,
      [expected.map(({ level }) => level), expected.map(({ index }) => index)],
    )
    const stored = new Map(rows.map((row) => [`${row.level}/${row.index}`, row]))
    for (const { level, index, hashes, root } of expected) {
      const row = stored.get(`${level}/${index}`)
      this.tiles.checked += 1
      const same = row?.hashes.equals(hashes) === true && row.root.equals(root as Buffer)
      const what = 'a full tile is missing or holds other hashes'
      this.tiles.expect(same, () => ({ invariant: 'I6', what, where: `tile ${level}/${index}` }))
    }
  }

  private async expectHead(): Promise<void> {
    const { rows } = await this.input.sql.query<{ tree_size: string; root: Buffer; height: string }>(
      'SELECT tree_size, root, height FROM ledger.head',
    )
    const [head] = rows
    const { size, height } = this.walk
    const same = head && Number(head.tree_size) === size && Number(head.height) === height - 1
    const what = 'the head is not the end of the blocks'
    this.rows.expect(same === true && head.root.equals(this.walk.root()), () => {
      return { invariant: 'I3', what, where: 'ledger.head' }
    })
  }

  private async expectCursors(): Promise<void> {
    const { rows } = await this.input.sql.query<{ producer: string; last_seq: string; last_link: Buffer }>(
      'SELECT producer, last_seq, last_link FROM ledger.producer_cursor',
    )
    for (const cursor of rows) {
      const state = this.producers.get(cursor.producer)
      const seq = this.walk.lastSeqOf(cursor.producer)
      const same = Number(cursor.last_seq) === seq && (seq === 0 || state?.link.equals(cursor.last_link) === true)
      const what = 'the cursor is not at the last leaf of its producer'
      this.leaves.expect(same, () => ({ invariant: 'I2', what, where: `producer ${cursor.producer}` }))
    }
  }
}
