import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { beginIdempotent, finishIdempotent, purgeIdempotency, type IdempotentAnswer } from './idempotency.js'
import {
  inTransaction,
  memoryStore,
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
beforeEach(() => database.empty())
afterAll(async () => {
  await database.end()
  await postgres.stop()
})

const { store } = memoryStore()
const answers: IdempotentAnswer[] = [{ status: 201, location: 'Observation/1', etag: 'W/"1"' }]

function requestOf(overrides: Partial<{ actor: string; key: string; mac: Uint8Array; subjectIds: string[] }> = {}) {
  return { actor: randomUUID(), key: 'k', mac: new Uint8Array(32).fill(1), subjectIds: [randomUUID()], ...overrides }
}

async function post(request: ReturnType<typeof requestOf>): Promise<IdempotentAnswer[]> {
  return inTransaction(database.pool, async (sql) => {
    const begun = await beginIdempotent(sql, request)
    if (begun !== 'new') return begun.answers
    await store.append(sql, [searchPerformed()])
    await finishIdempotent(sql, request, answers)
    return answers
  })
}

async function eventCount(): Promise<number> {
  return (await database.pool.query('SELECT 1 FROM event')).rowCount!
}

describe('an idempotency key', () => {
  it('gives one event and the same answer, to concurrent requests as to later ones', async () => {
    const request = requestOf()
    const got = await Promise.all(Array.from({ length: 12 }, () => post(request)))
    expect(await post(request)).toEqual(answers)
    expect(got).toEqual(Array.from({ length: 12 }, () => answers))
    expect(await eventCount()).toBe(1)
  })

  it('lets a waiting request do the work when the first one fails', async () => {
    const request = requestOf()
    let waiting: Promise<IdempotentAnswer[]> | undefined
    const failing = inTransaction(database.pool, async (sql) => {
      expect(await beginIdempotent(sql, request)).toBe('new')
      await store.append(sql, [searchPerformed()])
      waiting = post(request)
      await new Promise((resolve) => setTimeout(resolve, 100))
      throw new Error('the work failed')
    })
    await expect(failing).rejects.toThrow('the work failed')
    expect(await waiting).toEqual(answers)
    expect(await eventCount()).toBe(1)
  })

  it('belongs to one request of one actor', async () => {
    const request = requestOf()
    await post(request)
    await expect(post({ ...request, mac: new Uint8Array(32).fill(2) })).rejects.toThrow(/another request/)
    await post({ ...request, actor: randomUUID() })
    expect(await eventCount()).toBe(2)
  })

  it('is free again after 24 hours, and purged', async () => {
    const [again, purged, fresh] = [requestOf(), requestOf(), requestOf()]
    for (const request of [again, purged, fresh]) await post(request)
    const { rows } = await database.pool.query<{ hours: number }>(
      'SELECT extract(epoch FROM max(expires_at) - now())::float8 / 3600 AS hours FROM idempotency',
    )
    expect(rows[0]!.hours).toBeCloseTo(24, 1)
    await database.pool.query('UPDATE idempotency SET expires_at = now() WHERE actor <> $1', [fresh.actor])
    await post({ ...again, mac: new Uint8Array(32).fill(9) })
    expect(await eventCount()).toBe(4)
    expect(await inTransaction(database.pool, (sql) => purgeIdempotency(sql))).toBe(1)
  })

  it('can be removed by the eraser, by subject', async () => {
    const request = requestOf()
    await post(request)
    const eraser = await database.connect('eraser')
    const gone = await eraser.query('DELETE FROM idempotency WHERE subject_ids && $1', [request.subjectIds])
    expect(gone.rowCount).toBe(1)
  })

  it('cannot be finished without having begun', async () => {
    const finish = inTransaction(database.pool, (sql) => finishIdempotent(sql, requestOf(), answers))
    await expect(finish).rejects.toThrow(/never began/)
  })
})
