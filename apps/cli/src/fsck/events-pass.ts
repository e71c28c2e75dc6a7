// Every event of one service: numbered, in its stream's order, and (with the service's key file) what its leaf commits to.
import { parseEventBody } from '@careseal/contracts'
import { openEvents, type OpeningOptions } from '@careseal/event-store'
import type { ClientBase } from 'pg'
import { eventCommitmentOf } from './naive.js'
import { pages, scalar } from './pages.js'
import { Check, type Progress } from './report.js'

type EventRow = {
  pk: string
  event_id: string
  event_type: string
  body: Buffer
  seq: string | null
  commitment: Buffer | null
  has_opening: boolean
}

export type EventsPassInput = {
  /** A client whose search_path is the service's two schemas. */
  sql: ClientBase
  service: string
  /** Left out without the service's key file: then commitments cannot be opened. */
  opening?: OpeningOptions
  progress: Progress
}

const EVENTS_PER_PAGE = 1000

export async function eventsPass(input: EventsPassInput): Promise<Check[]> {
  const numbered = new Check(`${input.service}: each committed event is numbered once`, ['I1', 'I2', 'I20'])
  const bodies = new Check(`${input.service}: bodies are what their rows and their contract say`, ['I1'])
  const openings = new Check(`${input.service}: openings open the commitments of their leaves`, ['I1', 'I15'])
  await streamsInOrder(input, numbered)
  const total = await scalar(input.sql, 'SELECT count(*) AS value FROM event')
  for await (const page of eventPages(input.sql)) {
    for (const row of page) {
      expectNumbered(input.service, numbered, row)
      expectBody(input.service, bodies, row)
    }
    if (input.opening) await expectOpenings({ ...input, opening: input.opening }, openings, page)
    input.progress({ check: `${input.service} events`, done: numbered.checked, total })
  }
  return input.opening ? [numbered, bodies, openings] : [numbered, bodies]
}

function eventPages(sql: ClientBase): AsyncGenerator<EventRow[]> {
  return pages<EventRow>(sql, {
    text: `SELECT e.pk, e.event_id, e.event_type, e.body, n.seq, n.commitment, p.event_pk IS NOT NULL AS has_opening
           FROM event e LEFT JOIN outbox_numbered n ON n.event_pk = e.pk LEFT JOIN event_private p ON p.event_pk = e.pk
           WHERE e.pk > $1 ORDER BY e.pk LIMIT ${EVENTS_PER_PAGE}`,
    after: 0,
    nextAfter: (last) => last.pk,
  })
}

function expectNumbered(service: string, check: Check, row: EventRow): void {
  check.checked += 1
  check.expect(row.seq !== null, () => ({
    invariant: 'I1',
    what: 'a committed event has no number yet',
    where: `${service} event ${row.event_id}`,
  }))
}

function expectBody(service: string, check: Check, row: EventRow): void {
  check.checked += 1
  const where = `${service} event ${row.event_id}`
  try {
    const body = parseEventBody(row.body)
    const same = body.id === row.event_id && body.type === row.event_type
    check.expect(same, () => ({ invariant: 'I1', what: 'the body names another event', where }))
  } catch {
    check.expect(false, () => ({ invariant: 'I1', what: 'the body does not fit its contract', where }))
  }
}

async function expectOpenings(
  input: EventsPassInput & { opening: OpeningOptions },
  check: Check,
  page: readonly EventRow[],
): Promise<void> {
  const openable = page.filter((row) => row.has_opening && row.commitment !== null)
  const opened = await openAll(
    input,
    openable.map((row) => row.event_id),
  )
  for (const row of openable) {
    check.checked += 1
    const opening = opened.get(row.event_id)
    const commitment = opening && eventCommitmentOf(opening, row.event_type, row.body)
    const where = `${input.service} event ${row.event_id}`
    check.expect(commitment?.equals(row.commitment as Buffer) === true, () => ({
      invariant: 'I1',
      what: 'its opening is broken or opens another commitment',
      where,
    }))
  }
}

/** The openings of those that open. One broken row fails its whole page, which is then opened in halves. */
async function openAll(
  input: EventsPassInput & { opening: OpeningOptions },
  eventIds: readonly string[],
): Promise<Map<string, Uint8Array>> {
  try {
    const events = await openEvents(input.sql, eventIds, input.opening)
    return new Map([...events].flatMap(([id, event]) => ('opening' in event ? [[id, event.opening] as const] : [])))
  } catch {
    if (eventIds.length <= 1) return new Map()
    const half = eventIds.length >> 1
    const [left, right] = [eventIds.slice(0, half), eventIds.slice(half)]
    return new Map([...(await openAll(input, left)), ...(await openAll(input, right))])
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
