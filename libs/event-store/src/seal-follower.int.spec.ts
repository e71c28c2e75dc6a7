import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { leafIndexOf, leafStateOf, waitingAges } from './leaves.js'
import { ensureRelayHead, numberOutbox } from './numbering.js'
import { SealFollower } from './seal-follower.js'
import {
  inTransaction,
  memoryStore,
  ORIGIN,
  PRODUCER,
  searchPerformed,
  testDatabase,
  type TestDatabase,
} from './testing/store.fixture.js'
import { leaves, MemoryLedger } from './testing/ledger.fixture.js'

let postgres: RunningPostgres
let database: TestDatabase
let ledger: MemoryLedger
let follower: SealFollower

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
})
beforeEach(async () => {
  await database.empty()
  await inTransaction(database.pool, (sql) => ensureRelayHead(sql, PRODUCER, ORIGIN))
  ledger = new MemoryLedger()
  follower = newFollower()
})
afterAll(async () => {
  await database.end()
  await postgres.stop()
})

function newFollower(onError = vi.fn<(error: unknown) => void>()): SealFollower {
  return new SealFollower({
    pool: database.pool,
    producer: PRODUCER,
    fetchBlocks: (from, limit) => ledger.headers(from, limit),
    publishedSize: async () => ledger.publishedSize,
    onError,
    pageBlocks: 3,
    pollMs: 10,
  })
}

const { store } = memoryStore()

async function appendNumbered(count: number): Promise<string[]> {
  const events = Array.from({ length: count }, () => searchPerformed())
  const appended = await inTransaction(database.pool, (sql) => store.append(sql, events))
  await inTransaction(database.pool, (sql) => numberOutbox(sql, PRODUCER))
  return appended.map((event) => event.id)
}

describe('the seal follower', () => {
  it('tells each event its index once its block is below the published checkpoint', async () => {
    const ids = await appendNumbered(5)
    ledger.seal(...leaves('audit', 1, 3), ...leaves(PRODUCER, 1, 2))
    ledger.seal(...leaves(PRODUCER, 3, 3))
    await follower.step()
    expect(await leafIndexOf(database.pool, ids[0]!)).toBeNull()
    ledger.publish()
    await follower.step()
    for (const [n, id] of ids.entries()) {
      const index = ledger.indexOf(leaves(PRODUCER, n + 1, 1)[0]!)
      expect(await leafIndexOf(database.pool, id)).toMatchObject({ seq: n + 1, leafIndex: index })
    }
  })

  it('follows any number of blocks while it runs, with replicas beside it', async () => {
    const ids = await appendNumbered(40)
    const errors = vi.fn<(error: unknown) => void>()
    const replicas = [newFollower(errors), newFollower(errors), newFollower(errors)]
    for (const replica of replicas) replica.start()
    for (let n = 0; n < 40; n++) {
      ledger.seal(...leaves(PRODUCER, n + 1, 1))
      ledger.publish()
    }
    await vi.waitFor(async () => expect(await leafIndexOf(database.pool, ids[39]!)).not.toBeNull(), 5000)
    await Promise.all(replicas.map((replica) => replica.stop()))
    expect(errors).not.toHaveBeenCalled()
    expect(await leafIndexOf(database.pool, ids[17]!)).toMatchObject({ seq: 18, height: 18 })
  })

  it('asks the ledger only now and then while no event of its producer waits', async () => {
    const publishedSize = vi.fn<() => Promise<number>>(async () => ledger.publishedSize)
    const fetchBlocks = (from: number, limit: number) => ledger.headers(from, limit)
    const options = { pool: database.pool, producer: PRODUCER, fetchBlocks, publishedSize, pollMs: 10 }
    const idle = new SealFollower({ ...options, idleMs: 60_000 })
    idle.start()
    await vi.waitFor(() => expect(publishedSize).toHaveBeenCalled())
    const asked = publishedSize.mock.calls.length
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(publishedSize).toHaveBeenCalledTimes(asked)
    const [id] = await appendNumbered(1)
    ledger.seal(...leaves(PRODUCER, 1, 1))
    ledger.publish()
    await vi.waitFor(async () => expect(await leafIndexOf(database.pool, id!)).not.toBeNull(), 5000)
    await idle.stop()
  })

  it('writes nothing from a ledger that forgot what it showed before', async () => {
    await appendNumbered(2)
    ledger.seal(...leaves(PRODUCER, 1, 1))
    ledger.publish()
    await follower.step()
    ledger = new MemoryLedger()
    ledger.seal(...leaves('audit', 1, 1))
    ledger.seal(...leaves(PRODUCER, 1, 2))
    ledger.publish()
    await expect(follower.step()).rejects.toThrow(/another predecessor/)
    expect((await database.pool.query('SELECT 1 FROM sealed')).rowCount).toBe(1)
  })

  it('refuses a run that skips an event', async () => {
    await appendNumbered(3)
    ledger.seal(...leaves(PRODUCER, 1, 1))
    ledger.seal(...leaves(PRODUCER, 3, 1))
    ledger.publish()
    await expect(follower.step()).rejects.toThrow(/does not continue/)
    expect((await database.pool.query('SELECT 1 FROM seal_cursor')).rowCount).toBe(0)
  })
})

describe('what waits', () => {
  it('is told by age until it is numbered and sealed', async () => {
    const none = { unpublishedSeconds: 0, unsealedSeconds: 0 }
    expect(await waitingAges(database.pool, PRODUCER)).toEqual(none)
    const [event] = await inTransaction(database.pool, (sql) => store.append(sql, [searchPerformed()]))
    expect((await waitingAges(database.pool, PRODUCER)).unpublishedSeconds).toBeGreaterThan(0)
    expect(await leafStateOf(database.pool, PRODUCER, event!.id)).toMatchObject({ seq: null, sealed: null })
    await inTransaction(database.pool, (sql) => numberOutbox(sql, PRODUCER))
    const numbered = await waitingAges(database.pool, PRODUCER)
    expect(numbered.unpublishedSeconds).toBe(0)
    expect(numbered.unsealedSeconds).toBeGreaterThan(0)
    ledger.seal(...leaves(PRODUCER, 1, 1))
    ledger.publish()
    await follower.step()
    expect(await waitingAges(database.pool, PRODUCER)).toEqual(none)
    expect(await leafStateOf(database.pool, PRODUCER, event!.id)).toMatchObject({ seq: 1, sealed: { height: 1 } })
  })
})
