import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { NumberedEvent } from './numbering.js'
import { Relay, type RelayOptions } from './relay.js'
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
const relays: Relay[] = []

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
})
beforeEach(() => database.empty())
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.stop()
})
afterAll(async () => {
  await database.end()
  await postgres.stop()
})

const { store } = memoryStore()
const append = (count: number) =>
  inTransaction(database.pool, (sql) =>
    store.append(
      sql,
      Array.from({ length: count }, () => searchPerformed()),
    ),
  )

function startRelay(publish: RelayOptions['publish'], options: Partial<RelayOptions> = {}): Relay {
  const relay = new Relay({ pool: database.pool, producer: PRODUCER, origin: ORIGIN, publish, ...options })
  relays.push(relay)
  relay.start()
  return relay
}

async function numbered(): Promise<number | null> {
  return (await database.pool.query('SELECT 1 FROM outbox_numbered')).rowCount
}

async function locks(): Promise<number | null> {
  return (await database.pool.query(`SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).rowCount
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n + 1)

describe('the relay', () => {
  it('publishes what was committed, in the order of the numbers', async () => {
    const published: NumberedEvent[] = []
    const relay = startRelay(async (events) => void published.push(...events), { batchSize: 7 })
    for (let n = 0; n < 5; n++) {
      await append(9)
      relay.wake()
    }
    await vi.waitFor(() => expect(published).toHaveLength(45), 10_000)
    expect(published.map((event) => event.seq)).toEqual(upTo(45))
  })

  it('numbers the next batch while one is being published, and publishes it after that one', async () => {
    const seen: number[][] = []
    const first = Promise.withResolvers<void>()
    startRelay(
      async (events) => {
        seen.push(events.map((event) => event.seq))
        if (seen.length === 1) await first.promise
      },
      { batchSize: 2 },
    )
    await append(6)
    await vi.waitFor(async () => expect(await numbered()).toBe(4), 5000)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect([await numbered(), seen]).toEqual([4, [[1, 2]]])
    first.resolve()
    await vi.waitFor(() => expect(seen.flat()).toEqual(upTo(6)), 5000)
  })

  it('lets what is committed while it rests share one batch', async () => {
    const batches: number[] = []
    const relay = startRelay(async (events) => void batches.push(events.length), { restMs: 1_000 })
    await append(1)
    await vi.waitFor(() => expect(batches).toEqual([1]), 5000)
    for (let n = 0; n < 5; n++) {
      await append(1)
      relay.wake()
    }
    await vi.waitFor(() => expect(batches.reduce((sum, size) => sum + size)).toBe(6), 5000)
    expect(batches).toEqual([1, 5])
  })

  it('finishes the batch that is being published before it stops', async () => {
    let isPublished = false
    const relay = startRelay(async () => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      isPublished = true
    })
    await append(1)
    await vi.waitFor(async () => {
      expect((await database.pool.query('SELECT 1 FROM outbox_numbered')).rowCount).toBe(1)
    }, 5000)
    await relay.stop()
    expect(isPublished).toBe(true)
  })

  it('goes on after a failed publish and never publishes those events later', async () => {
    const seen: number[][] = []
    const onError = vi.fn<(error: unknown) => void>()
    const relay = startRelay(
      async (events) => {
        seen.push(events.map((event) => event.seq))
        if (seen.length === 1) throw new Error('the broker is away')
      },
      { onError },
    )
    await append(2)
    relay.wake()
    await vi.waitFor(() => expect(onError).toHaveBeenCalledTimes(1))
    await append(3)
    relay.wake()
    await vi.waitFor(() =>
      expect(seen).toEqual([
        [1, 2],
        [3, 4, 5],
      ]),
    )
  })

  it('is one at a time, and a stand-by takes over when its connection dies', async () => {
    const published: { by: string; seq: number }[] = []
    const by = (name: string) => async (events: NumberedEvent[]) =>
      void published.push(...events.map(({ seq }) => ({ by: name, seq })))
    startRelay(by('one'), { pollMs: 20 })
    await append(5)
    await vi.waitFor(() => expect(published).toHaveLength(5))
    startRelay(by('two'), { pollMs: 20 })
    await append(5)
    await vi.waitFor(() => expect(published).toHaveLength(10))
    expect(new Set(published.map((event) => event.by))).toEqual(new Set(['one']))
    const admin = await database.connect('admin')
    await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`)
    await append(5)
    await vi.waitFor(() => expect(published).toHaveLength(15), 5000)
    expect(published.map((event) => event.seq)).toEqual(upTo(15))
  })

  it('numbers nothing while it may not, and asks again', async () => {
    const published: NumberedEvent[] = []
    let allowed = false
    const beforeNumbering = async () => {
      if (!allowed) throw new Error('not confirmed by the ledger')
    }
    startRelay(async (events) => void published.push(...events), { beforeNumbering, pollMs: 20 })
    await append(1)
    await new Promise((resolve) => setTimeout(resolve, 400))
    const numbered = await database.pool.query('SELECT 1 FROM outbox_numbered')
    expect([published.length, numbered.rowCount]).toEqual([0, 0])
    allowed = true
    await vi.waitFor(() => expect(published).toHaveLength(1), 5000)
  })

  it('pauses between batches when it is told to', async () => {
    const published: NumberedEvent[] = []
    let allowed = true
    startRelay(async (events) => void published.push(...events), { mayNumber: () => allowed, pollMs: 20 })
    await append(1)
    await vi.waitFor(() => expect(published).toHaveLength(1))
    allowed = false
    await append(1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(published).toHaveLength(1)
    allowed = true
    await vi.waitFor(() => expect(published).toHaveLength(2))
  })

  it('gives its lock back when it stops', async () => {
    const relay = startRelay(async () => {})
    await append(1)
    relay.wake()
    await vi.waitFor(async () => expect(await locks()).toBe(1))
    await relay.stop()
    await vi.waitFor(async () => expect(await locks()).toBe(0))
  })

  it('leaks no listener while it stands by', async () => {
    startRelay(async () => {}, { pollMs: 5 })
    await append(1)
    await vi.waitFor(async () => {
      const { rowCount } = await database.pool.query('SELECT 1 FROM outbox_numbered')
      expect(rowCount).toBe(1)
    })
    const warnings: string[] = []
    const warn = (warning: Error) => warnings.push(warning.name)
    process.on('warning', warn)
    startRelay(async () => {}, { pollMs: 5, producer: PRODUCER })
    await new Promise((resolve) => setTimeout(resolve, 300))
    process.off('warning', warn)
    expect(warnings).toEqual([])
  })
})
