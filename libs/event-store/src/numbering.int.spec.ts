import { hex } from '@careseal/crypto'
import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import * as fc from 'fast-check'
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ensureRelayHead, numberOutbox } from './numbering.js'
import { linkAt, outboxHead, REPLAY_BYTES_MAX, replayOutbox } from './outbox.js'
import {
  inTransaction,
  memoryStore,
  ORIGIN,
  PRODUCER,
  searchPerformed,
  testDatabase,
  type TestDatabase,
} from './testing/store.fixture.js'

let postgres: RunningPostgres
let database: TestDatabase

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
})
beforeEach(async () => {
  await database.empty()
  await ensureRelayHead(await database.connect('service'), PRODUCER, ORIGIN)
})
afterAll(async () => {
  await database.end()
  await postgres.stop()
})

const { store } = memoryStore()
const append = (events: ReturnType<typeof searchPerformed>[]) =>
  inTransaction(database.pool, (sql) => store.append(sql, events))
const number = (limit?: number) => inTransaction(database.pool, (sql) => numberOutbox(sql, PRODUCER, limit))

const WAYS_WITH_ORDER = ['nestloop', 'mergejoin', 'indexscan', 'bitmapscan']
const oneVersion = () => ({ type: 'Observation', id: randomUUID(), versionId: randomUUID() })

async function numberAll(): Promise<void> {
  while ((await number()).length > 0);
}

type NumberedRow = {
  seq: string
  link: Buffer
  tag: Buffer
  commitment: Buffer
  stream_id: string
  stream_version: string
}

async function numbered(): Promise<NumberedRow[]> {
  const { rows } = await database.pool.query<NumberedRow>(
    `SELECT n.seq, n.link, n.tag, n.commitment, e.stream_id, e.stream_version
     FROM outbox_numbered n JOIN event e ON e.pk = n.event_pk ORDER BY n.seq`,
  )
  return rows
}

const sha256 = (...chunks: (string | Buffer)[]) =>
  chunks.reduce((hash, chunk) => hash.update(chunk), createHash('sha256')).digest()

// The design's words, written down once more without any of our libraries.
function naiveLinks(rows: NumberedRow[]): string[] {
  let link = sha256(`careseal/v1/first-link\n${ORIGIN}\n${PRODUCER}`)
  return rows.map((row, n) => {
    const leaf = `{"leaf":{"commitment":"${row.commitment.toString('hex')}","producer":"${PRODUCER}","seq":${n + 1},"tag":"${row.tag.toString('hex')}","v":1}}`
    link = sha256(link, sha256(Buffer.of(0), leaf))
    return link.toString('hex')
  })
}

function expectChain(rows: NumberedRow[], count: number): void {
  expect(rows.map((row) => Number(row.seq))).toEqual(Array.from({ length: count }, (_, n) => n + 1))
  expect(rows.map((row) => hex(row.link))).toEqual(naiveLinks(rows))
  const lastOf = new Map<string, number>()
  for (const { stream_id: streamId, stream_version: version } of rows) {
    expect(Number(version)).toBe((lastOf.get(streamId) ?? 0) + 1)
    lastOf.set(streamId, Number(version))
  }
}

describe('numbering', () => {
  it('is gapless, linked and in each stream’s order, with concurrent writers and competing assigners', async () => {
    const scenario = fc.record({
      writers: fc.integer({ min: 1, max: 8 }),
      transactions: fc.integer({ min: 1, max: 6 }),
      size: fc.integer({ min: 1, max: 12 }),
      assigners: fc.integer({ min: 1, max: 4 }),
      limit: fc.integer({ min: 1, max: 40 }),
    })
    await fc.assert(
      fc.asyncProperty(scenario, async ({ writers, transactions, size, assigners, limit }) => {
        await database.empty()
        await ensureRelayHead(await database.connect('service'), PRODUCER, ORIGIN)
        const streams = Array.from({ length: 5 }, () => `search-${randomUUID()}`)
        const state = { writing: true }
        const write = async () => {
          for (let n = 0; n < transactions; n++) {
            await append(Array.from({ length: size }, (_, k) => searchPerformed({ streamId: streams[(n + k) % 5]! })))
          }
        }
        const assign = async () => {
          for (let found = 1; state.writing || found > 0;) found = (await number(limit)).length
        }
        const written = Promise.all(Array.from({ length: writers }, write)).finally(() => (state.writing = false))
        await Promise.all([written, ...Array.from({ length: assigners }, assign)])
        // An assigner may have looked just before the last commit and ended just after it.
        await numberAll()
        const rows = await numbered()
        expect(rows).toHaveLength(writers * transactions * size)
        expectChain(rows, rows.length)
      }),
      { numRuns: 8 },
    )
  })

  it('loses nothing that commits late: an event that got its key first is numbered when it commits', async () => {
    const late = await database.connect('service')
    await late.query('BEGIN')
    const [slow] = await store.append(late, [searchPerformed()])
    await append([searchPerformed()])
    expect(await number()).toHaveLength(1)
    await late.query('COMMIT')
    const [after] = await number()
    expect(after).toMatchObject({ seq: 2, producer: PRODUCER, subject: 'evt.records.search.search-performed' })
    expect(after!.body).toEqual(Buffer.from(slow!.body))
  })

  it('keeps a stream’s order where the transaction that began first appends last', async () => {
    const streamId = `search-${randomUUID()}`
    const older = await database.connect('service')
    await older.query('BEGIN')
    await older.query('SELECT pg_current_xact_id()')
    await append([searchPerformed({ streamId })])
    await store.append(older, [searchPerformed({ streamId })])
    await older.query('COMMIT')
    expect(await number()).toHaveLength(2)
    expectChain(await numbered(), 2)
  })

  it('goes on where it stopped when the assigner is killed before its commit', async () => {
    await append(Array.from({ length: 30 }, () => searchPerformed()))
    const [doomed, admin] = [await database.connect('service'), await database.connect('admin')]
    await doomed.query('BEGIN')
    const { rows } = await doomed.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    expect(await numberOutbox(doomed, PRODUCER, 10)).toHaveLength(10)
    await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid])
    await numberAll()
    expectChain(await numbered(), 30)
  })

  it('follows the order of keys, however Postgres finds the rows', async () => {
    const streamId = `search-${randomUUID()}`
    await append(Array.from({ length: 5 }, () => searchPerformed({ streamId })))
    await inTransaction(database.pool, async (sql) => {
      const { rows } = await sql.query<{ event_pk: string }>('DELETE FROM outbox RETURNING *')
      const backwards = JSON.stringify(rows.map((row) => row.event_pk).toReversed())
      await sql.query(
        `INSERT INTO outbox SELECT pk::bigint, sha256(pk::bytea), sha256(pk::bytea)
         FROM jsonb_array_elements_text($1) WITH ORDINALITY AS t (pk, place) ORDER BY place`,
        [backwards],
      )
      for (const way of WAYS_WITH_ORDER) await sql.query(`SET LOCAL enable_${way} = off`)
      await numberOutbox(sql, PRODUCER)
    })
    const order = (await numbered()).map((row) => row.stream_version)
    expect(order).toEqual(['1', '2', '3', '4', '5'])
  })

  it('reads of a long outbox what it numbers, and no more', async () => {
    for (let filled = 0; filled < 6000; filled += 1000)
      await append(Array.from({ length: 1000 }, () => searchPerformed()))
    const owner = await database.connect('owner')
    await owner.query('ANALYZE outbox')
    await owner.query('ANALYZE event')
    const read = await inTransaction(database.pool, async (sql) => {
      expect(await numberOutbox(sql, PRODUCER)).toHaveLength(500)
      const { rows } = await sql.query<{ relname: string; n: number }>(
        `SELECT relname, seq_tup_read::int AS n FROM pg_stat_xact_user_tables WHERE relname IN ('outbox', 'event')`,
      )
      return Object.fromEntries(rows.map(({ relname, n }) => [relname, n]))
    })
    expect(read).toEqual({ outbox: 0, event: 0 })
  })

  it('refuses to begin before its chain has a first link', async () => {
    await database.empty()
    await expect(number()).rejects.toThrow(/before its head exists/)
  })
})

describe('the outbox', () => {
  it('tells its head, and the link at each number', async () => {
    expect(await outboxHead(database.pool, PRODUCER)).toMatchObject({ lastSeq: 0 })
    await append(Array.from({ length: 3 }, () => searchPerformed()))
    await numberAll()
    const rows = await numbered()
    const head = { producer: PRODUCER, lastSeq: 3, lastLink: naiveLinks(rows)[2] }
    expect(await outboxHead(database.pool, PRODUCER)).toEqual(head)
    const at = (seq: number) => linkAt(database.pool, { producer: PRODUCER, origin: ORIGIN, seq })
    expect(await at(2)).toBe(naiveLinks(rows)[1])
    expect(await at(0)).toBe(sha256(`careseal/v1/first-link\n${ORIGIN}\n${PRODUCER}`).toString('hex'))
    expect(await at(4)).toBeNull()
  })

  it('replays every event once, page by page, whatever the page size', async () => {
    await append(Array.from({ length: 700 }, () => searchPerformed()))
    await numberAll()
    for (const limit of [1, 7, 250, 699, 700, 5000]) {
      const seqs: number[] = []
      for (let from: number | null = limit === 1 ? 690 : 1; from !== null;) {
        const page = await replayOutbox(database.pool, { producer: PRODUCER, from, limit })
        expect(page.events.length).toBeLessThanOrEqual(limit)
        seqs.push(...page.events.map((event) => event.seq))
        from = page.next
      }
      const first = limit === 1 ? 690 : 1
      expect(seqs).toEqual(Array.from({ length: 701 - first }, (_, n) => n + first))
    }
  })

  it('answers at most 512 KiB at a time', async () => {
    const versions = Array.from({ length: 400 }, oneVersion)
    const read = {
      streamId: `record-Observation-${randomUUID()}`,
      type: 'RecordRead' as const,
      subjectId: null,
      data: {
        actorId: randomUUID(),
        role: 'practitioner' as const,
        purpose: 'TREAT' as const,
        interaction: 'search' as const,
        versions,
      },
    }
    await inTransaction(database.pool, (sql) =>
      store.append(
        sql,
        Array.from({ length: 30 }, () => read),
      ),
    )
    await numberAll()
    const page = await replayOutbox(database.pool, { producer: PRODUCER, from: 1, limit: 5000 })
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThanOrEqual(REPLAY_BYTES_MAX)
    expect(page.events.length).toBeLessThan(30)
    expect(page.next).toBe(page.events.length + 1)
  })

  it('answers nothing beyond its head or for another producer', async () => {
    await append([searchPerformed()])
    await numberAll()
    for (const asked of [
      { producer: PRODUCER, from: 2 },
      { producer: 'consent', from: 1 },
    ]) {
      expect(await replayOutbox(database.pool, { ...asked, limit: 10 })).toEqual({ events: [], next: null })
    }
  })

  it('hands on the trace of the work that appended an event, and none where there was none', async () => {
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const traced = memoryStore(undefined, () => trace).store
    await inTransaction(database.pool, (sql) => traced.append(sql, [searchPerformed()]))
    await append([searchPerformed()])
    expect((await number()).map((event) => event.traceparent)).toEqual([trace, undefined])
  })
})
