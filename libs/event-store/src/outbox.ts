// Answers for numbered events, straight from the tables, at any later time: what readers miss they ask here.
import { subjectOf, type EventType, type ReplayedEvent } from '@careseal/contracts'
import { hex, sha256 } from '@careseal/crypto'
import { firstLink } from '@careseal/ledger-core'
import type { Queryable } from './transaction.js'

export type OutboxHead = { producer: string; lastSeq: number; lastLink: string }

/** How many bytes of events one replay answers at most, counted as they are sent (base64 and all). */
export const REPLAY_BYTES_MAX = 512 * 1024

const REPLAY_ROWS = 250
const REPLAY_OVERHEAD_BYTES = 400

type ReplayRow = { seq: string; tag: Buffer; commitment: Buffer; link: Buffer } & (
  { event_type: EventType; body: Buffer } | { event_type: null; body: null }
)

/** The subject of a leaf whose event is gone: nothing is ever published under it. */
export function lostSubject(producer: string): string {
  return `evt.${producer}.lost.event-lost`
}

/** The last number given and its link, or null before the relay has ever started. */
export async function outboxHead(sql: Queryable, producer: string): Promise<OutboxHead | null> {
  const { rows } = await sql.query<{ last_seq: string; last_link: Buffer }>(
    'SELECT last_seq, last_link FROM relay_head WHERE producer = $1',
    [producer],
  )
  const [row] = rows
  return row ? { producer, lastSeq: Number(row.last_seq), lastLink: hex(row.last_link) } : null
}

/** The link at a number, in hex; null where the producer has no such number. Number 0 is the chain's beginning. */
export async function linkAt(
  sql: Queryable,
  at: { producer: string; origin: string; seq: number },
): Promise<string | null> {
  if (at.seq === 0) return hex(firstLink(sha256, at.origin, at.producer))
  const { rows } = await sql.query<{ link: Buffer }>(
    `SELECT link FROM outbox_numbered WHERE producer = $1 AND seq = $2
     UNION ALL SELECT link FROM lost_leaf WHERE producer = $1 AND seq = $2`,
    [at.producer, at.seq],
  )
  return rows[0] ? hex(rows[0].link) : null
}

/**
 * Full events from number `from` on: at most `limit`, and at most 512 KiB but always one where there is one.
 * `next` is the number to ask for next, or null at the head. A leaf whose event was lost is answered without a body.
 */
export async function replayOutbox(
  sql: Queryable,
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

async function existing(sql: Queryable, producer: string, seq: number): Promise<number | null> {
  const { rowCount } = await sql.query(
    `SELECT FROM outbox_numbered WHERE producer = $1 AND seq = $2
     UNION ALL SELECT FROM lost_leaf WHERE producer = $1 AND seq = $2`,
    [producer, seq],
  )
  return rowCount === 1 ? seq : null
}

async function replayPage(
  sql: Queryable,
  asked: { producer: string; from: number; limit: number },
): Promise<ReplayedEvent[]> {
  const { rows } = await sql.query<ReplayRow>({
    name: 'careseal-replay-page',
    text: `(SELECT n.seq, n.tag, n.commitment, n.link, e.event_type, e.body
            FROM outbox_numbered n JOIN event e ON e.pk = n.event_pk
            WHERE n.producer = $1 AND n.seq >= $2 ORDER BY n.seq LIMIT $3)
           UNION ALL
           (SELECT seq, tag, commitment, link, NULL, NULL FROM lost_leaf
            WHERE producer = $1 AND seq >= $2 ORDER BY seq LIMIT $3)
           ORDER BY seq LIMIT $3`,
    values: [asked.producer, asked.from, asked.limit],
  })
  return rows.map((row) => ({
    seq: Number(row.seq),
    tag: hex(row.tag),
    commitment: hex(row.commitment),
    link: hex(row.link),
    subject: row.event_type === null ? lostSubject(asked.producer) : subjectOf(row.event_type, asked.producer),
    body: row.body === null ? '' : row.body.toString('base64'),
  }))
}
