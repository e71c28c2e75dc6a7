// For specs: a block made by hand from the words of the design, so that it can also be made wrong on purpose.
import { canonicalBytes, sha256, type JsonValue } from '@careseal/crypto'
import type pg from 'pg'

export const ORIGIN = 'spec.careseal.example/ledger'
export const zeros = '00'.repeat(32)
export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export function linkOf(producer: string): string {
  return hexOf(sha256(Buffer.from(`careseal/v1/first-link\n${ORIGIN}\n${producer}`)))
}

export const genesisEntry = canonicalBytes({
  genesis: {
    v: 1,
    origin: ORIGIN,
    logKeys: [],
    operators: [],
    producers: { consent: linkOf('consent'), records: linkOf('records') },
    previous: null,
  },
})

export type HeaderFields = {
  height: number
  prevHash: string
  firstIndex: number
  controls: number
  runs: { producer: string; fromSeq: number; count: number }[]
  epoch: number
  time: number
}

export type RawBlock = HeaderFields & {
  header: Uint8Array
  hash: Uint8Array
  controlEntries: Uint8Array[]
  leaves: Uint8Array
  treeSize: number
}

/** A block that fits its own header; what `more` says about header fields wins. */
export function rawBlock(fields: Partial<HeaderFields>, more: { [name: string]: JsonValue } = {}): RawBlock {
  const all: HeaderFields = {
    height: 0,
    prevHash: zeros,
    firstIndex: 0,
    controls: 0,
    runs: [],
    epoch: 1,
    time: 1_767_225_600,
    ...fields,
  }
  const leafCount = all.runs.reduce((sum, run) => sum + run.count, 0)
  const count = all.controls + leafCount
  const header = canonicalBytes({ block: { v: 1, ...all, count, root: zeros, ...more } as unknown as JsonValue })
  return {
    ...all,
    header,
    hash: sha256(header),
    controlEntries: Array.from({ length: all.controls }, () => genesisEntry),
    leaves: new Uint8Array(64 * leafCount).fill(7),
    treeSize: all.firstIndex + count + 1,
  }
}

/** Block 0 of a ledger that admits `consent` and `records`. */
export const genesisBlock = (): RawBlock => rawBlock({ controls: 1 })

/** The block after `parent` with these runs. */
export function childOf(parent: RawBlock, fields: Partial<HeaderFields> = {}, more = {}): RawBlock {
  const place = { height: parent.height + 1, prevHash: hexOf(parent.hash), firstIndex: parent.treeSize }
  return rawBlock({ ...place, runs: [{ producer: 'records', fromSeq: 1, count: 3 }], ...fields }, more)
}

export async function insertBlock(sql: pg.ClientBase, block: RawBlock): Promise<void> {
  await sql.query('INSERT INTO block (header, hash, controls, leaves) VALUES ($1, $2, $3, $4)', [
    block.header,
    block.hash,
    block.controlEntries,
    block.leaves,
  ])
}

export async function moveHead(sql: pg.ClientBase, block: RawBlock): Promise<void> {
  const bits = block.treeSize.toString(2).replaceAll('0', '').length
  await sql.query(
    'UPDATE head SET tree_size = $1, root = $2, compact_range = $3, height = $4, header_hash = $5, epoch = $6',
    [block.treeSize, new Uint8Array(32), new Uint8Array(32 * bits), block.height, block.hash, block.epoch],
  )
}

export async function moveCursors(sql: pg.ClientBase, { runs, height }: RawBlock): Promise<void> {
  for (const { producer, fromSeq, count } of runs) {
    await sql.query('UPDATE producer_cursor SET last_seq = $2, last_link = $3, height = $4 WHERE producer = $1', [
      producer,
      fromSeq + count - 1,
      new Uint8Array(32),
      height,
    ])
  }
}

export async function insertCursor(sql: pg.ClientBase, producer: string, height: number, link?: string): Promise<void> {
  const lastLink = Buffer.from(link ?? linkOf(producer), 'hex')
  await sql.query('INSERT INTO producer_cursor VALUES ($1, 0, $2, $3)', [producer, lastLink, height])
}

/** Commits what `work` does, or rolls back and rejects. */
export async function inTransaction(sql: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  await sql.query('BEGIN')
  try {
    await work()
    await sql.query('COMMIT')
  } catch (error) {
    await sql.query('ROLLBACK')
    throw error
  }
}

/** A whole and right append. */
export async function append(sql: pg.ClientBase, block: RawBlock, admit: string[] = []): Promise<void> {
  await inTransaction(sql, async () => {
    await insertBlock(sql, block)
    for (const producer of admit) await insertCursor(sql, producer, block.height)
    await moveHead(sql, block)
    await moveCursors(sql, block)
  })
}
