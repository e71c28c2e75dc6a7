import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { append, childOf, genesisBlock, insertBlock, moveHead, type RawBlock } from './raw-block.js'
import { Lease } from '../src/lease/lease.js'

let database: LedgerDatabase

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(() => database.reset())

function acquire(durationMs: number, lost: string[] = [], signal?: AbortSignal): Promise<Lease> {
  const options = { url: database.url, durationMs, onLost: (reason: { code: string }) => void lost.push(reason.code) }
  return Lease.acquire({ ...options, ...(signal ? { signal } : {}) })
}

/** As a stopped process: what renews the lease is stuck behind another statement. */
function stall(lease: Lease): void {
  const { keeper } = (lease as unknown as { candidate: { keeper: { query(sql: string): Promise<unknown> } } }).candidate
  keeper.query('SELECT pg_sleep(20)').catch(() => {})
}

const of = (block: RawBlock, epoch: number): RawBlock => ({ ...block, epoch })

describe('the lease', () => {
  it('is taken at once when it was given back, with a new epoch each time', async () => {
    for (const epoch of [1, 2, 3]) {
      const lease = await acquire(60_000)
      expect(lease.epoch).toBe(epoch)
      await lease.release()
    }
  })

  it('keeps others waiting as long as its holder renews it', async () => {
    const lease = await acquire(300)
    const patience = AbortSignal.timeout(1_000)
    await expect(acquire(300, [], patience)).rejects.toThrow(/abort|timeout/i)
    const row = await database.pool.query('SELECT epoch FROM lease')
    expect(row.rows).toEqual([{ epoch: 1 }])
    await lease.release()
  })

  it('goes to one of two who wait for it', async () => {
    const both = await Promise.all([acquire(300), acquire(300)].map(releaseSoon))
    expect(both.toSorted()).toEqual([1, 2])
  })

  it('of a silent holder passes within two seconds, and ends what the holder had begun', async () => {
    const lost: string[] = []
    const old = await acquire(600, lost)
    const block = of(genesisBlock(), old.epoch)
    await old.writer.query('BEGIN')
    await old.writer.query('SELECT FROM lease WHERE epoch = $1 FOR SHARE', [old.epoch])
    await insertBlock(old.writer, block)
    await moveHead(old.writer, block)
    stall(old)
    const started = performance.now()
    const next = await acquire(600)
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(next.epoch).toBe(2)
    await expect(old.writer.query('COMMIT')).rejects.toThrow(/terminat|not queryable/i)
    expect(lost).toEqual(['connection-lost'])
    const blocks = await database.pool.query('SELECT height FROM block')
    expect(blocks.rows).toEqual([])
    await old.close()
    await next.release()
  })

  it('of a holder that is stopped inside its append passes within seconds, though its statement would go on', async () => {
    const old = await acquire(600)
    await old.writer.query('BEGIN')
    await old.writer.query('SELECT FROM lease WHERE epoch = $1 FOR SHARE', [old.epoch])
    const append = old.writer.query('SELECT pg_sleep(9)').then(
      () => 'went on',
      () => 'was ended',
    )
    stall(old)
    const started = performance.now()
    const next = await acquire(600)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(await append).toBe('was ended')
    await old.close()
    await next.release()
  })

  it('of a holder whose connections are gone passes at once', async () => {
    const lost: string[] = []
    const old = await acquire(60_000, lost)
    await database.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY((SELECT backend_pids FROM lease)::int[])',
    )
    const started = performance.now()
    const next = await acquire(60_000)
    expect(performance.now() - started).toBeLessThan(2_000)
    expect(next.epoch).toBe(old.epoch + 1)
    expect(lost).toEqual(['connection-lost'])
    await old.close()
    await next.release()
  })

  it('that was taken over lets its old holder append nothing, even over another connection', async () => {
    const old = await acquire(600)
    await append(old.writer, of(genesisBlock(), 1), ['records'])
    stall(old)
    const next = await acquire(600)
    const late = childOf(genesisBlock(), { epoch: 1 })
    await expect(insertBlock(next.writer, late)).rejects.toThrow('FENCED')
    await append(next.writer, childOf(genesisBlock(), { epoch: 2 }))
    await old.close()
    await next.release()
  })

  it('notices a successor that it did not hear of', async () => {
    const lost: string[] = []
    const lease = await acquire(300, lost)
    await database.tamper(`UPDATE lease SET epoch = epoch + 1, holder = gen_random_uuid()`)
    await expect.poll(() => lost).toEqual(['fenced'])
    await lease.close()
  })

  it('is not held by a transaction that idles', async () => {
    const lost: string[] = []
    const lease = await acquire(400, lost)
    await lease.writer.query('BEGIN')
    await expect.poll(() => lost, { timeout: 2_000 }).toEqual(['connection-lost'])
    await lease.close()
  })
})

async function releaseSoon(lease: Promise<Lease>): Promise<number> {
  const { epoch } = await lease
  await (await lease).release()
  return epoch
}
