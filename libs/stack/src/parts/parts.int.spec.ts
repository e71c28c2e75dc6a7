import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'nats'
import { Client } from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { startNats, startPostgres } from '../index.js'

const kept = mkdtempSync(join(tmpdir(), 'careseal-spec-'))
afterAll(() => rmSync(kept, { recursive: true, force: true }))

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url)
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

describe('startPostgres', () => {
  it('answers a query, and leaves neither process nor folder behind', async () => {
    const postgres = await startPostgres({ durable: false })
    expect(await query(postgres.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    await postgres.stop()
    expect(isRunning(postgres.pid)).toBe(false)
    expect(existsSync(postgres.dataDir)).toBe(false)
  })

  it('goes on with what was committed before kill -9, on the same port and with a password', async () => {
    const dataDir = join(kept, 'pg')
    const first = await startPostgres({ dataDir, password: 'p w/1' })
    await query(first.url, 'CREATE TABLE kept AS SELECT 7 AS seven')
    await first.kill()
    const second = await startPostgres({ dataDir, port: first.port, password: 'p w/1' })
    expect(await query(second.url, 'SELECT seven FROM kept')).toEqual([{ seven: 7 }])
    const wrong = second.url.replace('p%20w%2F1', 'wrong')
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/)
    await second.stop()
    expect(existsSync(dataDir)).toBe(true)
  })

  it('says in its error what the server said', async () => {
    await expect(startPostgres({ durable: false, flags: ['no_such_setting=1'] })).rejects.toThrow(/no_such_setting/)
  })
})

describe('startNats', () => {
  it('serves JetStream, and leaves neither process nor folder behind', async () => {
    const nats = await startNats()
    const connection = await connect({ servers: nats.url })
    expect(connection.info?.jetstream).toBe(true)
    await connection.close()
    await nats.stop()
    expect(isRunning(nats.pid)).toBe(false)
    expect(existsSync(nats.dataDir)).toBe(false)
  })

  it('comes back on its port after kill -9', async () => {
    const first = await startNats({ dataDir: join(kept, 'nats') })
    await first.kill()
    const second = await startNats({ dataDir: join(kept, 'nats'), port: first.port })
    expect(second.url).toBe(first.url)
    await second.stop()
  })

  it('says in its error what the server said', async () => {
    await expect(startNats({ config: 'nonsense { \n' })).rejects.toThrow(/Parse error/)
  })
})
