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

describe('a transaction', () => {
  it('shows the manager and the connection the same uncommitted rows', async () => {
    await transaction(dataSource, async ({ sql, manager }) => {
      const [event] = await store.append(sql, [searchPerformed()])
      expect(await manager.query('SELECT event_id FROM event')).toEqual([{ event_id: event!.id }])
      expect((await database.pool.query('SELECT 1 FROM event')).rowCount).toBe(0)
    })
    expect((await database.pool.query('SELECT 1 FROM event')).rowCount).toBe(1)
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
