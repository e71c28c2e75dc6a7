import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import * as fc from 'fast-check'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { ensureRelayHead, numberOutbox } from './numbering.js'
import { replayOutbox } from './outbox.js'
import { ProjectionRunner, type ChainedEvent } from './projection-runner.js'
import {
  inTransaction,
  memoryStore,
  ORIGIN,
  PRODUCER,
  searchPerformed,
  testDatabase,
  type TestDatabase,
} from './testing/store.fixture.js'
import type { Tx } from './transaction.js'

let postgres: RunningPostgres
let database: TestDatabase
let dataSource: DataSource
let events: ChainedEvent[]

const COUNT = 60
const { store } = memoryStore()

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
  const owner = await database.connect('owner')
  await owner.query('CREATE TABLE seen (n serial, seq bigint); GRANT ALL ON seen, seen_n_seq TO records')
  dataSource = await new DataSource({ type: 'postgres', url: records.url, poolErrorHandler: () => {} }).initialize()
})
beforeEach(async () => {
  await database.empty()
  await inTransaction(database.pool, async (sql) => {
    await ensureRelayHead(sql, PRODUCER, ORIGIN)
    await store.append(
      sql,
      Array.from({ length: COUNT }, () => searchPerformed()),
    )
    await numberOutbox(sql, PRODUCER)
  })
  events = await replay(1)
})
afterAll(async () => {
  await dataSource.destroy()
  await database.end()
  await postgres.stop()
})

async function replay(from: number, limit = 1000): Promise<ChainedEvent[]> {
  const page = await replayOutbox(database.pool, { producer: PRODUCER, from, limit })
  return page.events.map((event) => ({ producer: PRODUCER, ...event }))
}

const insertSeen = ({ sql }: Tx, batch: readonly ChainedEvent[]) =>
  sql.query('INSERT INTO seen (seq) SELECT * FROM unnest($1::bigint[])', [batch.map((event) => event.seq)])

function runnerOf(apply: (tx: Tx, batch: readonly ChainedEvent[]) => Promise<unknown> = insertSeen) {
  return new ProjectionRunner<ChainedEvent>({
    name: 'seen',
    dataSource,
    origin: ORIGIN,
    producers: [PRODUCER],
    apply: async (tx, batch) => void (await apply(tx, batch)),
    truncate: async ({ sql }) => void (await sql.query('DELETE FROM seen')),
  })
}

async function seen(): Promise<number[]> {
  const { rows } = await database.pool.query<{ seq: string }>('SELECT seq FROM seen ORDER BY n')
  return rows.map((row) => Number(row.seq))
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

describe('a projection', () => {
  it('sees each event once and in order, whatever repeats and overlaps it is handed', async () => {
    const cuts = fc.array(fc.tuple(fc.nat(COUNT), fc.integer({ min: 1, max: 25 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(cuts, async (batches) => {
        const runner = runnerOf()
        await runner.reset()
        let reached = 0
        for (const [from, size] of batches) {
          const batch = events.slice(from, from + size)
          if (batch.length === 0) continue
          const outcome = await runner.applyBatch(batch).catch((error: { code: string }) => error.code)
          expect(outcome === 'projection-gap').toBe(from > reached)
          if (from <= reached) reached = Math.max(reached, from + batch.length)
        }
        expect(await seen()).toEqual(upTo(reached))
        expect((await runner.position())[PRODUCER]!.seq).toBe(reached)
      }),
      { numRuns: 12 },
    )
  })

  it('applies exactly once although it is killed between apply and commit', async () => {
    const admin = await database.connect('admin')
    let kills = 0
    const runner = runnerOf(async (tx, batch) => {
      await insertSeen(tx, batch)
      if (kills++ > 0) return
      const { rows } = await tx.sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid])
    })
    await expect(runner.applyBatch(events)).rejects.toThrow(/terminat|connection/i)
    expect(await seen()).toEqual([])
    await runner.applyBatch(events)
    expect(await seen()).toEqual(upTo(COUNT))
  })

  it('applies exactly once with two replicas reading the same events', async () => {
    const outcomes = await Promise.allSettled([
      ...upTo(6).map((n) => runnerOf().applyBatch(events.slice(0, n * 10))),
      ...upTo(6).map((n) => runnerOf().applyBatch(events.slice(0, n * 10))),
    ])
    expect(outcomes.every((outcome) => outcome.status === 'fulfilled')).toBe(true)
    expect(await seen()).toEqual(upTo(COUNT))
  })

  it('leaves position and model alone when apply fails', async () => {
    const runner = runnerOf(async (tx, batch) => {
      await insertSeen(tx, batch)
      throw new Error('the model refused')
    })
    await expect(runner.applyBatch(events)).rejects.toThrow('the model refused')
    expect(await seen()).toEqual([])
    expect((await runner.position())[PRODUCER]!.seq).toBe(0)
  })

  it.each([
    ['a commitment', { commitment: 'a'.repeat(64) }],
    ['a tag', { tag: 'b'.repeat(64) }],
    ['a link', { link: 'c'.repeat(64) }],
  ])('takes no event with another %s', async (_name, change) => {
    const altered = events.map((event, n) => (n === 5 ? { ...event, ...change } : event))
    await expect(runnerOf().applyBatch(altered)).rejects.toThrow(/event 6 of records does not continue/)
    expect(await seen()).toEqual([])
  })

  it('drops events of producers that it does not follow', async () => {
    const foreign = { ...events[0]!, producer: 'consent' }
    expect(await runnerOf().applyBatch([foreign, events[0]!])).toEqual({ applied: 1 })
  })

  it('is rebuilt from the first event, with progress', async () => {
    const runner = runnerOf()
    await runner.applyBatch(events)
    await database.pool.query('INSERT INTO seen (seq) VALUES (999)')
    const onProgress = vi.fn<(progress: { applied: number; total: number }) => void>()
    await runner.rebuild({ heads: { [PRODUCER]: COUNT }, replay: (_producer, from) => replay(from, 25), onProgress })
    expect(await seen()).toEqual(upTo(COUNT))
    expect(onProgress.mock.calls.map(([progress]) => progress.applied)).toEqual([25, 50, 60])
    expect(onProgress).toHaveBeenLastCalledWith({ applied: 60, total: 60 })
  })

  it('does not pass for rebuilt when a producer answers too little', async () => {
    const rebuild = runnerOf().rebuild({ heads: { [PRODUCER]: COUNT + 1 }, replay: (_producer, from) => replay(from) })
    await expect(rebuild).rejects.toThrow(/does not continue/)
  })
})
