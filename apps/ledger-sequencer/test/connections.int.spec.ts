import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readingPool, untilDatabaseAnswers } from '../src/database/connections.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'

let database: LedgerDatabase

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())

async function asAdmin(statement: string): Promise<void> {
  const client = new Client({ connectionString: database.adminUrl })
  await client.connect()
  await client.query(statement)
  await client.end()
}

describe('a start', () => {
  it('waits for a database that lets nobody in, and says so', async () => {
    const pool = readingPool(database.url, { name: 'spec-start', max: 1 })
    const onSilence = vi.fn<(error: unknown) => void>(() => void asAdmin('ALTER ROLE ledger LOGIN'))
    await asAdmin('ALTER ROLE ledger NOLOGIN')
    await untilDatabaseAnswers(pool, { signal: new AbortController().signal, onSilence })
    expect(onSilence).toHaveBeenCalledWith(expect.objectContaining({ code: '28000' }))
    await pool.end()
  })

  it('does not wait for a database that is not there', async () => {
    const pool = readingPool(database.url.replace(/[^/]+$/, 'nowhere'), { name: 'spec-start', max: 1 })
    const onSilence = vi.fn<(error: unknown) => void>()
    const start = untilDatabaseAnswers(pool, { signal: new AbortController().signal, onSilence })
    await expect(start).rejects.toMatchObject({ code: '3D000' })
    expect(onSilence).not.toHaveBeenCalled()
    await pool.end()
  })

  it('that is called off waits no longer', async () => {
    const pool = readingPool('postgres://ledger@127.0.0.1:1/careseal', { name: 'spec-start', max: 1 })
    const ending = new AbortController()
    const start = untilDatabaseAnswers(pool, { signal: ending.signal, onSilence: () => ending.abort() })
    await expect(start).rejects.toMatchObject({ name: 'AbortError' })
    await pool.end()
  })
})
