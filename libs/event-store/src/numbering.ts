// Numbers committed events without gaps and links them into the producer's chain. Needs no key: tag and commitment were
// made in the command's transaction. (exactly-once.md section 2)
import { subjectOf, type EventType } from '@careseal/contracts'
import { fromHex, hex, sha256 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import type { ClientBase } from 'pg'
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
  const last = rows.at(-1)!
  await sql.query('UPDATE relay_head SET last_seq = $2, last_link = $3 WHERE producer = $1', [
    producer,
    last.seq,
    Buffer.from(last.link),
  ])
  return withBodies(sql, producer, rows)
}

type OutboxRow = { event_pk: string; tag: Buffer; commitment: Buffer; traceparent: string | null }
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
           RETURNING event_pk, tag, commitment, traceparent`,
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
    const { seq, tag, commitment, link, traceparent } = row
    const subject = subjectOf(type, producer)
    const event = { producer, seq, subject, body, tag: hex(tag), commitment: hex(commitment), link: hex(link) }
    return traceparent === null ? event : { ...event, traceparent }
  })
}
