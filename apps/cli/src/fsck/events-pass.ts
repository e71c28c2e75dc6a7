// Every event of one service: numbered, in its stream's order, and (with the service's key file) what its leaf commits to.
import { parseEventBody } from '@careseal/contracts'
import type { ClientBase } from 'pg'
import { canonical } from './naive-entry.js'
import { OpeningChecks } from './opening-checks.js'
import { pages, scalar } from './pages.js'
import { Check, type Progress } from './report.js'
import type { ServiceKeys } from './service-keys.js'

/** An event with its leaf, numbered or waiting, and its private part if there still is one. */
export type EventRow = {
  pk: string
  event_id: string
  event_type: string
  schema_version: number
  body: Buffer
  producer: string | null
  is_waiting: boolean
  tag: Buffer | null
  commitment: Buffer | null
  subject_id: string | null
  key_id: string | null
  ciphertext: Buffer | null
  opening: Buffer | null
}

export type EventsPassInput = {
  /** A client whose search_path is the service's two schemas. */
  sql: ClientBase
  service: string
  origin: string
  /** The producer that an event without a number yet belongs to. */
  producer: string
  /** Left out without the service's key file: then commitments cannot be opened. */
  keys?: ServiceKeys | undefined
  progress: Progress
}

const EVENTS_PER_PAGE = 2000

export async function eventsPass(input: EventsPassInput): Promise<Check[]> {
  const { sql, service, keys } = input
  const numbered = new Check(`${service}: each committed event is numbered once`, ['I1', 'I2', 'I7', 'I20'])
  const bodies = new Check(`${service}: bodies are what their rows and their contract say`, ['I1'])
  const openings = keys && new OpeningChecks({ ...input, keys })
  await streamsInOrder(input, numbered)
  const total = await scalar(sql, 'SELECT count(*) AS value FROM event')
  for await (const page of eventPages(sql)) {
    for (const row of page) {
      expectNumbered(service, numbered, row)
      expectBody(service, bodies, row)
    }
    await openings?.page(page)
    input.progress({ check: `${service} events`, done: numbered.checked, total })
  }
  return [numbered, bodies, ...(openings ? await openings.end() : [])]
}

function eventPages(sql: ClientBase): AsyncGenerator<EventRow[]> {
  return pages<EventRow>(sql, {
    text: `SELECT e.pk, e.event_id, e.event_type, e.schema_version, e.body, n.producer, o.event_pk IS NOT NULL AS is_waiting,
                  coalesce(n.tag, o.tag) AS tag, coalesce(n.commitment, o.commitment) AS commitment,
                  p.subject_id, p.key_id, p.ciphertext, p.opening
           FROM event e LEFT JOIN outbox_numbered n ON n.event_pk = e.pk LEFT JOIN outbox o ON o.event_pk = e.pk
           LEFT JOIN event_private p ON p.event_pk = e.pk
           WHERE e.pk > $1 ORDER BY e.pk LIMIT ${EVENTS_PER_PAGE}`,
    after: 0,
    nextAfter: (last) => last.pk,
  })
}

function expectNumbered(service: string, check: Check, row: EventRow): void {
  check.checked += 1
  const where = `${service} event ${row.event_id}`
  check.expect(row.producer !== null || row.is_waiting, () => {
    return { invariant: 'I1', what: 'a committed event has no number and waits for none', where }
  })
  check.expect(row.producer === null || !row.is_waiting, () => {
    return { invariant: 'I2', what: 'a numbered event waits for a second number', where }
  })
}

function expectBody(service: string, check: Check, row: EventRow): void {
  check.checked += 1
  const where = `${service} event ${row.event_id}`
  try {
    const body = parseEventBody(row.body)
    const same = body.id === row.event_id && body.type === row.event_type
    check.expect(same, () => ({ invariant: 'I1', what: 'the body names another event', where }))
    const text = row.body.toString('utf8')
    const isCanonical = canonical(JSON.parse(text)) === text
    check.expect(isCanonical, () => ({ invariant: 'I1', what: 'the body is not canonical JSON', where }))
  } catch {
    check.expect(false, () => ({ invariant: 'I1', what: 'the body does not fit its contract', where }))
  }
}

async function streamsInOrder({ sql, service }: EventsPassInput, check: Check): Promise<void> {
  const broken = await sql.query<{ stream_id: string }>(
    `SELECT s.stream_id FROM stream s LEFT JOIN event e ON e.stream_id = s.stream_id
     GROUP BY s.stream_id, s.version HAVING count(e.pk) <> s.version OR max(e.stream_version) <> s.version LIMIT 20`,
  )
  const inverted = await sql.query<{ event_id: string }>(
    `SELECT event_id FROM (
       SELECT e.event_id, n.seq, lag(n.seq) OVER (PARTITION BY e.stream_id, n.producer ORDER BY e.stream_version) AS before
       FROM event e JOIN outbox_numbered n ON n.event_pk = e.pk) t WHERE seq < before LIMIT 20`,
  )
  for (const row of broken.rows) {
    check.expect(false, () => ({ invariant: 'I1', what: 'a stream has a gap', where: `${service} ${row.stream_id}` }))
  }
  for (const row of inverted.rows) {
    const where = `${service} event ${row.event_id}`
    check.expect(false, () => ({ invariant: 'I7', what: "numbered before its stream's earlier event", where }))
  }
}
