// Stored bytes changed by two commands at once, in a database that holds nothing else.
import { openDataDir, startPostgres, type DataDir, type RunningPostgres } from '@careseal/stack'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { restore, tamper } from '../src/tamper/tamper.js'

const BYTES = Buffer.from('what was stored')
let dataDir: DataDir
let postgres: RunningPostgres
let client: Client

beforeAll(async () => {
  dataDir = openDataDir(mkdtempSync(join(tmpdir(), 'careseal-tamper-')))
  postgres = await startPostgres({ durable: false })
  client = new Client(postgres.url)
  await client.connect()
  await client.query('CREATE SCHEMA records')
  await client.query(
    'CREATE TABLE records.version (type text, id text, version_id text, ciphertext bytea, recorded_at int)',
  )
  await client.query("INSERT INTO records.version VALUES ('Observation', '1', '7', $1, 1)", [BYTES])
})
afterAll(async () => {
  await client?.end()
  await postgres?.stop()
  rmSync(dataDir.root, { recursive: true })
})

async function stored(): Promise<Buffer | undefined> {
  const { rows } = await client.query<{ ciphertext: Buffer }>('SELECT ciphertext FROM records.version')
  return rows[0]?.ciphertext
}

describe('demo tamper', () => {
  it('changes one byte once when two begin at the same time, and what was there is put back', async () => {
    const both = await Promise.allSettled([1, 2].map(() => tamper(dataDir, postgres.url, 'record')))
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await stored()).not.toEqual(BYTES)
    expect(await restore(dataDir, postgres.url)).toHaveLength(1)
    expect([await stored(), existsSync(dataDir.path('tampered.json'))]).toEqual([BYTES, false])
  })
})
