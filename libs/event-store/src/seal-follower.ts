// Learns where the producer's events stand in the ledger by following the chain of block headers, each of which names
// its predecessor by hash. Only blocks below the published checkpoint count as sealed.
import { hex, sha256 } from '@careseal/crypto'
import { durableStep } from '@careseal/durable-step'
import {
  headerHashOf,
  leafIndexOf as indexInBlock,
  NO_HASH,
  parseEntry,
  treeSizeOf,
  type Entry,
  type Header,
} from '@careseal/ledger-core'
import type { ClientBase, Pool } from 'pg'
import { outboxHead } from './outbox.js'
import type { Queryable } from './transaction.js'
import { withConnection } from './with-connection.js'
import { WorkLoop } from './work-loop.js'

export type SealFollowerOptions = {
  pool: Pool
  producer: string
  /** The header entries' bytes of blocks `fromHeight`, `fromHeight + 1`, … as far as they are committed. */
  fetchBlocks: (fromHeight: number, limit: number) => Promise<readonly Uint8Array[]>
  /** The size of the checkpoint that is published; 0 when there is none. */
  publishedSize: () => Promise<number>
  onError?: (error: unknown) => void
  onSealed?: (sealed: { toSeq: number; height: number }) => void
  pollMs?: number
  /** How often the ledger is followed at least, though no event of this producer waits to be sealed. */
  idleMs?: number
  pageBlocks?: number
}

/** The ledger showed something that does not continue what it showed before. `height` names the first such block. */
export class LedgerInconsistent extends Error {
  readonly code = 'ledger-inconsistent'
  constructor(
    readonly height: number,
    reason: string,
  ) {
    super(`block ${height} ${reason}`)
  }
}

/** How far headers were followed; `nextIndex` is where the next block's first entry must stand. */
export type SealCursor = { height: number; headerHash: string; nextIndex: number }

type SealedRange = { fromSeq: number; count: number; firstIndex: number; height: number }

const POLL_MS = 1_000
const IDLE_MS = 5_000
const PAGE_BLOCKS = 200
const GENESIS: SealCursor = { height: -1, headerHash: NO_HASH, nextIndex: 0 }

/** Follows the ledger for one producer; several replicas may, the cursor moves by compare and swap. */
export class SealFollower {
  private readonly loop: WorkLoop
  private followedAtMs = -Infinity

  constructor(private readonly options: SealFollowerOptions) {
    this.loop = new WorkLoop({
      work: () => this.round(),
      pollMs: options.pollMs ?? POLL_MS,
      onError: (error) => options.onError?.(error),
    })
  }

  start(): void {
    this.loop.start()
  }

  /** Call it when the ledger announces a checkpoint. */
  wake(): void {
    this.loop.wake()
  }

  stop(): Promise<void> {
    return this.loop.stop()
  }

  // The ledger publishes several checkpoints a second; who waits for none of them looks only now and then.
  private async round(): Promise<boolean> {
    const isIdle = performance.now() - this.followedAtMs < (this.options.idleMs ?? IDLE_MS)
    if (isIdle && !(await hasUnsealed(this.options.pool, this.options.producer))) return false
    const hasMore = await this.step()
    if (!hasMore) this.followedAtMs = performance.now()
    return hasMore
  }

  /** One page of blocks; true when there may be more. Throws LedgerInconsistent. */
  async step(): Promise<boolean> {
    const limit = this.options.pageBlocks ?? PAGE_BLOCKS
    const cursor = await readCursor(this.options.pool, this.options.producer)
    const publishedSize = await this.options.publishedSize()
    if (publishedSize <= cursor.nextIndex) return false
    const headers = await this.options.fetchBlocks(cursor.height + 1, limit)
    const followed = followHeaders(cursor, headers, { producer: this.options.producer, publishedSize })
    if (followed.cursor.height === cursor.height) return false
    if (await this.save(cursor, followed)) this.announce(followed)
    return headers.length >= limit
  }

  private announce({ cursor, ranges }: Followed): void {
    const last = ranges.at(-1)
    if (last) this.options.onSealed?.({ toSeq: last.fromSeq + last.count - 1, height: cursor.height })
  }

  private async save(old: SealCursor, followed: Followed): Promise<boolean> {
    const { pool, producer } = this.options
    return withConnection(pool, async (client) => {
      await client.query('BEGIN')
      const moved = await moveCursor(client, { producer, old, cursor: followed.cursor })
      if (moved) await insertRanges(client, producer, followed.ranges)
      await durableStep('seals.commit', () => client.query('COMMIT'))
      return moved
    })
  }
}

type Followed = { cursor: SealCursor; ranges: SealedRange[] }

/** Checks that headers continue the cursor and collects the producer's runs, up to the published size. */
export function followHeaders(
  start: SealCursor,
  headers: readonly Uint8Array[],
  { producer, publishedSize }: { producer: string; publishedSize: number },
): Followed {
  let cursor = start
  const ranges: SealedRange[] = []
  for (const bytes of headers) {
    const header = headerIn(bytes, cursor.height + 1)
    const nextIndex = treeSizeOf(header)
    if (nextIndex > publishedSize) break
    checkContinues(cursor, header)
    const run = header.runs.find((each) => each.producer === producer)
    if (run) {
      const firstIndex = indexInBlock(header, producer, run.fromSeq)!
      ranges.push({ fromSeq: run.fromSeq, count: run.count, firstIndex, height: header.height })
    }
    cursor = { height: header.height, headerHash: headerHashOf(sha256, bytes), nextIndex }
  }
  return { cursor, ranges }
}

function headerIn(bytes: Uint8Array, height: number): Header {
  const entry = parseOrNull(bytes)
  if (!entry || !('block' in entry)) throw new LedgerInconsistent(height, 'has no readable header')
  return entry.block
}

function parseOrNull(bytes: Uint8Array): Entry | null {
  try {
    return parseEntry(bytes)
  } catch {
    return null
  }
}

function checkContinues(cursor: SealCursor, header: Header): void {
  const height = cursor.height + 1
  if (header.height !== height) throw new LedgerInconsistent(height, `calls itself ${header.height}`)
  if (header.prevHash !== cursor.headerHash) throw new LedgerInconsistent(height, 'names another predecessor')
  if (header.firstIndex !== cursor.nextIndex) throw new LedgerInconsistent(height, 'begins at another index')
}

async function readCursor(pool: Pool, producer: string): Promise<SealCursor> {
  const { rows } = await pool.query<{ height: string; header_hash: Buffer; next_index: string }>(
    'SELECT height, header_hash, next_index FROM seal_cursor WHERE producer = $1',
    [producer],
  )
  const [row] = rows
  if (!row) return GENESIS
  return { height: Number(row.height), headerHash: hex(row.header_hash), nextIndex: Number(row.next_index) }
}

async function moveCursor(
  sql: ClientBase,
  { producer, old, cursor }: { producer: string; old: SealCursor; cursor: SealCursor },
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `INSERT INTO seal_cursor AS c (producer, height, header_hash, next_index) VALUES ($1, $2, $3, $4)
     ON CONFLICT (producer) DO UPDATE
     SET height = excluded.height, header_hash = excluded.header_hash, next_index = excluded.next_index
     WHERE c.height = $5`,
    [producer, cursor.height, Buffer.from(cursor.headerHash, 'hex'), cursor.nextIndex, old.height],
  )
  return rowCount === 1
}

async function hasUnsealed(pool: Pool, producer: string): Promise<boolean> {
  const head = await outboxHead(pool, producer)
  return head !== null && head.lastSeq >= (await nextUnsealed(pool, producer))
}

// By the key's order: the largest of all sums would be looked for in every range there ever was.
async function nextUnsealed(sql: Queryable, producer: string): Promise<number> {
  const { rows } = await sql.query<{ next: string }>({
    name: 'careseal-next-unsealed',
    text: 'SELECT from_seq + count AS next FROM sealed WHERE producer = $1 ORDER BY from_seq DESC LIMIT 1',
    values: [producer],
  })
  return Number(rows[0]?.next ?? 1)
}

// The next run must begin where the last one ended; the ledger would otherwise have skipped or repeated an event.
async function insertRanges(sql: ClientBase, producer: string, ranges: SealedRange[]): Promise<void> {
  if (ranges.length === 0) return
  let next = await nextUnsealed(sql, producer)
  for (const range of ranges) {
    if (range.fromSeq !== next) throw new LedgerInconsistent(range.height, 'does not continue the producer’s run')
    next += range.count
  }
  await sql.query(
    `INSERT INTO sealed (producer, from_seq, count, first_index, height)
     SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])`,
    [
      producer,
      ranges.map((range) => range.fromSeq),
      ranges.map((range) => range.count),
      ranges.map((range) => range.firstIndex),
      ranges.map((range) => range.height),
    ],
  )
}
