import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { DataSource } from 'typeorm'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { VersionConflict } from './event.js'
import { retryOnConflict } from './retry.js'
import { memoryStore, searchPerformed, testDatabase, type TestDatabase } from './testing/store.fixture.js'
import { transaction } from './transaction.js'

let postgres: RunningPostgres
let database: TestDatabase
let dataSource: DataSource

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  const { records } = await provisionDatabase(postgres.url)
  database = await testDatabase({ ...records, adminUrl: new URL('/careseal', postgres.url).href })
  dataSource = await new DataSource({ type: 'postgres', url: records.url, poolSize: 2 }).initialize()
})
afterAll(async () => {
  await dataSource.destroy()
  await database.end()
  await postgres.stop()
})

const { store } = memoryStore()

/** A table whose rows are committed only when nobody else holds the advisory lock 1. */
const COMMIT_WAITS = `
  CREATE TABLE slow (n int);
  GRANT INSERT ON slow TO records;
  CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
  CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`

describe('a transaction', () => {
  it('shows the manager and the connection the same uncommitted rows', async () => {
    await transaction(dataSource, async ({ sql, manager }) => {
      const [event] = await store.append(sql, [searchPerformed()])
      expect(await manager.query('SELECT event_id FROM event')).toEqual([{ event_id: event!.id }])
      expect((await database.pool.query('SELECT 1 FROM event')).rowCount).toBe(0)
    })
    expect((await database.pool.query('SELECT 1 FROM event')).rowCount).toBe(1)
  })

  it('is answered only once its COMMIT is done', async () => {
    const owner = await database.connect('owner')
    await owner.query(COMMIT_WAITS)
    await owner.query('SELECT pg_advisory_lock(1)')
    let answered = false
    const answer = transaction(dataSource, ({ sql }) => sql.query('INSERT INTO slow VALUES (1)'))
    void answer.then(() => (answered = true))
    try {
      await vi.waitFor(async () => {
        const { rowCount } = await owner.query(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)
        expect(rowCount).toBe(1)
      }, 10_000)
      expect(answered).toBe(false)
    } finally {
      await owner.query('SELECT pg_advisory_unlock(1)')
    }
    await answer
    expect((await owner.query('SELECT FROM slow')).rowCount).toBe(1)
  })

  it('gives its connection back after an error, however often', async () => {
    const failing = () =>
      transaction(dataSource, async ({ sql }) => {
        await sql.query('SELECT no_such_column')
      })
    for (let n = 0; n < 5; n++) await expect(failing()).rejects.toThrow(/no_such_column/)
    expect(await transaction(dataSource, async () => 'alive')).toBe('alive')
  })
})

describe('retryOnConflict', () => {
  it('tries once more after a version conflict or a deadlock, and never twice', async () => {
    for (const error of [new VersionConflict('s'), Object.assign(new Error('deadlock'), { code: '40P01' })]) {
      const once = vi.fn<() => Promise<string>>().mockRejectedValueOnce(error).mockResolvedValue('done')
      expect(await retryOnConflict(once)).toBe('done')
      const always = vi.fn<() => Promise<string>>().mockRejectedValue(error)
      await expect(retryOnConflict(always)).rejects.toThrow(error.message)
      expect(always).toHaveBeenCalledTimes(2)
    }
  })

  it('does not try again after any other error', async () => {
    const failing = vi.fn<() => Promise<string>>().mockRejectedValue(new Error('broken'))
    await expect(retryOnConflict(failing)).rejects.toThrow('broken')
    expect(failing).toHaveBeenCalledTimes(1)
  })
})
