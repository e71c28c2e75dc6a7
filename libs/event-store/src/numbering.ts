// Numbers committed events without gaps and links them into the producer's chain. Needs no key: tag and commitment were
// made in the command's transaction. (exactly-once.md section 2)
import { subjectOf, type EventType } from '@careseal/contracts'
import { fromHex, hex, sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'
import { byteaArray } from './binary-array.js'
import type { OutboxHead } from './outbox.js'

/** A committed event with its place in the producer's chain. `tag`, `commitment` and `link` are 64 hex digits. */
export type NumberedEvent = {
  producer: string
  seq: number
  subject: string
  body: Uint8Array
  tag: string
  commitment: string
  link: string
  /** The trace of the work that appended it, for whoever handles the event. */
  traceparent?: string
}

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
  return rows.map((row) => numbered(producer, row))
}

type OutboxRow = {
  event_pk: string
  tag: Buffer
  commitment: Buffer
  traceparent: string | null
  event_type: EventType
  body: Buffer
}
type ChainedRow = OutboxRow & { seq: number; leafHash: Uint8Array; link: Uint8Array }

async function lockHead(sql: ClientBase, producer: string): Promise<OutboxHead> {
  const { rows } = await sql.query<{ last_seq: string; last_link: Buffer }>({
    name: 'careseal-lock-relay-head',
    text: 'SELECT last_seq, last_link FROM relay_head WHERE producer = $1 FOR UPDATE',
    values: [producer],
  })
  const [row] = rows
  if (!row) throw new Error('the relay numbers before its head exists')
  return { producer, lastSeq: Number(row.last_seq), lastLink: hex(row.last_link) }
}

// ARRAY and OFFSET 0 keep the planner from reading all of the outbox, and all events, for a handful of keys.
async function takeFromOutbox(sql: ClientBase, limit: number): Promise<OutboxRow[]> {
  const { rows } = await sql.query<OutboxRow>({
    name: 'careseal-take-from-outbox',
    text: `WITH taken AS (
             DELETE FROM outbox WHERE event_pk = ANY (ARRAY(SELECT event_pk FROM outbox ORDER BY event_pk LIMIT $1))
             RETURNING event_pk, tag, commitment, traceparent)
           SELECT t.event_pk, t.tag, t.commitment, t.traceparent, e.event_type, e.body FROM taken t
           JOIN LATERAL (SELECT event_type, body FROM event WHERE pk = t.event_pk OFFSET 0) e ON true
           ORDER BY t.event_pk`,
    values: [limit],
  })
  return rows
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
  const last = rows.at(-1)!
  await sql.query({
    name: 'careseal-insert-numbered',
    text: `WITH moved AS (UPDATE relay_head SET last_seq = $8, last_link = $9 WHERE producer = $1)
           INSERT INTO outbox_numbered (producer, seq, event_pk, tag, commitment, leaf_hash, link)
           SELECT $1, * FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[])`,
    values: [
      producer,
      rows.map((row) => row.seq),
      rows.map((row) => row.event_pk),
      byteaArray(rows.map((row) => row.tag)),
      byteaArray(rows.map((row) => row.commitment)),
      byteaArray(rows.map((row) => row.leafHash)),
      byteaArray(rows.map((row) => row.link)),
      last.seq,
      Buffer.from(last.link),
    ],
  })
}

function numbered(producer: string, row: ChainedRow): NumberedEvent {
  const { seq, event_type: type, body, tag, commitment, link, traceparent } = row
  const subject = subjectOf(type, producer)
  const event = { producer, seq, subject, body, tag: hex(tag), commitment: hex(commitment), link: hex(link) }
  return traceparent === null ? event : { ...event, traceparent }
}
