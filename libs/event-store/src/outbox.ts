// Numbers committed events without gaps and answers for them afterwards. Needs no key: tag and commitment were made in
// the command's transaction. (exactly-once.md section 2)
import { subjectOf, type EventType, type ReplayedEvent } from '@careseal/contracts'
import { fromHex, hex, sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'

/** A committed event with its place in the producer's chain. `tag`, `commitment` and `link` are 64 hex digits. */
export type NumberedEvent = {
  producer: string
  seq: number
  subject: string
  body: Uint8Array
  tag: string
  commitment: string
  link: string
}

export type OutboxHead = { producer: string; lastSeq: number; lastLink: string }

/** How many bytes of events one replay answers at most, counted as they are sent (base64 and all). */
export const REPLAY_BYTES_MAX = 512 * 1024

const REPLAY_ROWS = 250
const REPLAY_OVERHEAD_BYTES = 400

/** Makes the producer's chain begin, if it has not. The first link depends on the ledger's origin, so no migration can. */
export async function ensureRelayHead(sql: ClientBase, producer: string, origin: string): Promise<void> {
  await sql.query(
    'INSERT INTO relay_head (producer, last_seq, last_link) VALUES ($1, 0, $2) ON CONFLICT (producer) DO NOTHING',
    [producer, Buffer.from(firstLink(sha256, origin, producer))],
  )
}

/**
 * Gives at most `limit` committed events their numbers; call it alone in a transaction, and publish after COMMIT.
 *
 * Numbering at commit time by a sequence would lose events that commit late; here each statement after the lock on
 * `relay_head` sees all that is committed, and only one assigner at a time holds that lock.
 */
export async function numberOutbox(sql: ClientBase, producer: string, limit = 500): Promise<NumberedEvent[]> {
  const head = await lockHead(sql, producer)
  const taken = await takeFromOutbox(sql, limit)
  if (taken.length === 0) return []
  const rows = chain(head, taken)
  await insertNumbered(sql, producer, rows)
  const last = rows.at(-1)!
  await sql.query('UPDATE relay_head SET last_seq = $2, last_link = $3 WHERE producer = $1', [
    producer,
    last.seq,
    Buffer.from(last.link),
  ])
  return withBodies(sql, producer, rows)
}

type OutboxRow = { event_pk: string; tag: Buffer; commitment: Buffer }
type ChainedRow = OutboxRow & { seq: number; leafHash: Uint8Array; link: Uint8Array }

async function lockHead(sql: ClientBase, producer: string): Promise<OutboxHead> {
  const { rows } = await sql.query<{ last_seq: string; last_link: Buffer }>(
    'SELECT last_seq, last_link FROM relay_head WHERE producer = $1 FOR UPDATE',
    [producer],
  )
  const [row] = rows
  if (!row) throw new Error('the relay numbers before its head exists')
  return { producer, lastSeq: Number(row.last_seq), lastLink: hex(row.last_link) }
}

async function takeFromOutbox(sql: ClientBase, limit: number): Promise<OutboxRow[]> {
  const { rows } = await sql.query<OutboxRow>({
    name: 'careseal-take-from-outbox',
    text: `DELETE FROM outbox WHERE event_pk IN (SELECT event_pk FROM outbox ORDER BY event_pk LIMIT $1)
           RETURNING event_pk, tag, commitment`,
    values: [limit],
  })
  return rows.toSorted((a, b) => Number(a.event_pk) - Number(b.event_pk))
}

function chain(head: OutboxHead, taken: OutboxRow[]): ChainedRow[] {
  let { lastSeq } = head
  let link = fromHex(head.lastLink, 32)
  return taken.map((row) => {
    const seq = ++lastSeq
    const leaf = { producer: head.producer, seq, tag: hex(row.tag), commitment: hex(row.commitment) }
    const leafHash = leafEntryHash(sha256, leaf)
    link = nextLink(sha256, link, leafHash)
    return { ...row, seq, leafHash, link }
  })
}

async function insertNumbered(sql: ClientBase, producer: string, rows: ChainedRow[]): Promise<void> {
  await sql.query({
    name: 'careseal-insert-numbered',
    text: `INSERT INTO outbox_numbered (producer, seq, event_pk, tag, commitment, leaf_hash, link)
           SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])`,
    values: [
      producer,
      rows.map((row) => row.seq),
      rows.map((row) => row.event_pk),
      rows.map((row) => row.tag),
      rows.map((row) => row.commitment),
      rows.map((row) => Buffer.from(row.leafHash)),
      rows.map((row) => Buffer.from(row.link)),
    ],
  })
}

async function withBodies(sql: ClientBase, producer: string, rows: ChainedRow[]): Promise<NumberedEvent[]> {
  const found = await sql.query<{ pk: string; event_type: EventType; body: Buffer }>({
    name: 'careseal-numbered-bodies',
    text: 'SELECT pk, event_type, body FROM event WHERE pk = ANY ($1::bigint[])',
    values: [rows.map((row) => row.event_pk)],
  })
  const events = new Map(found.rows.map((row) => [row.pk, row]))
  return rows.map((row) => {
    const { event_type: type, body } = events.get(row.event_pk)!
    const { seq, tag, commitment, link } = row
    const subject = subjectOf(type, producer)
    return { producer, seq, subject, body, tag: hex(tag), commitment: hex(commitment), link: hex(link) }
  })
}

/** The last number given and its link, or null before the relay has ever started. */
export async function outboxHead(sql: ClientBase, producer: string): Promise<OutboxHead | null> {
  const { rows } = await sql.query<{ last_seq: string; last_link: Buffer }>(
    'SELECT last_seq, last_link FROM relay_head WHERE producer = $1',
    [producer],
  )
  const [row] = rows
  return row ? { producer, lastSeq: Number(row.last_seq), lastLink: hex(row.last_link) } : null
}

/** The link at a number, in hex; null where the producer has no such number. Number 0 is the chain's beginning. */
export async function linkAt(
  sql: ClientBase,
  at: { producer: string; origin: string; seq: number },
): Promise<string | null> {
  if (at.seq === 0) return hex(firstLink(sha256, at.origin, at.producer))
  const { rows } = await sql.query<{ link: Buffer }>(
    'SELECT link FROM outbox_numbered WHERE producer = $1 AND seq = $2',
    [at.producer, at.seq],
  )
  return rows[0] ? hex(rows[0].link) : null
}

/**
 * Full events from number `from` on: at most `limit`, and at most 512 KiB but always one where there is one.
 * `next` is the number to ask for next, or null at the head.
 */
export async function replayOutbox(
  sql: ClientBase,
  asked: { producer: string; from: number; limit: number },
): Promise<{ events: ReplayedEvent[]; next: number | null }> {
  const events: ReplayedEvent[] = []
  let bytes = 0
  for (;;) {
    const from = asked.from + events.length
    const left = asked.limit - events.length
    if (left <= 0) return { events, next: await existing(sql, asked.producer, from) }
    const page = await replayPage(sql, { producer: asked.producer, from, limit: Math.min(left, REPLAY_ROWS) })
    if (page.length === 0) return { events, next: null }
    for (const event of page) {
      bytes += event.body.length + REPLAY_OVERHEAD_BYTES
      if (bytes > REPLAY_BYTES_MAX && events.length > 0) return { events, next: event.seq }
      events.push(event)
    }
  }
}

async function existing(sql: ClientBase, producer: string, seq: number): Promise<number | null> {
  const { rowCount } = await sql.query('SELECT 1 FROM outbox_numbered WHERE producer = $1 AND seq = $2', [
    producer,
    seq,
  ])
  return rowCount === 1 ? seq : null
}

async function replayPage(
  sql: ClientBase,
  asked: { producer: string; from: number; limit: number },
): Promise<ReplayedEvent[]> {
  const { rows } = await sql.query<OutboxRow & { seq: string; link: Buffer; event_type: EventType; body: Buffer }>({
    name: 'careseal-replay-page',
    text: `SELECT n.seq, n.tag, n.commitment, n.link, e.event_type, e.body
           FROM outbox_numbered n JOIN event e ON e.pk = n.event_pk
           WHERE n.producer = $1 AND n.seq >= $2 ORDER BY n.seq LIMIT $3`,
    values: [asked.producer, asked.from, asked.limit],
  })
  return rows.map((row) => ({
    seq: Number(row.seq),
    tag: hex(row.tag),
    commitment: hex(row.commitment),
    link: hex(row.link),
    subject: subjectOf(row.event_type, asked.producer),
    body: row.body.toString('base64'),
  }))
}
