import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { provisionDatabase, provisionSql, startPostgres, type DatabaseUrls, type RunningPostgres } from './index.js'

let postgres: RunningPostgres
let urls: DatabaseUrls

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  urls = await provisionDatabase(postgres.url)
})
afterAll(() => postgres.stop())

async function run(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client(url)
  await client.connect()
  try {
    let rows: Record<string, unknown>[] = []
    for (const sql of statements) rows = (await client.query<Record<string, unknown>>(sql)).rows
    return rows
  } finally {
    await client.end()
  }
}

describe('provisioned roles and schemas', () => {
  it('let the owner create a table that the service finds without naming a schema', async () => {
    await run(urls.records.ownerUrl, 'CREATE TABLE note (id int)', 'GRANT SELECT, INSERT ON note TO records')
    await run(urls.records.url, 'INSERT INTO note VALUES (1)')
    expect(await run(postgres.url.replace(/postgres$/, 'careseal'), 'SELECT id FROM records.note')).toEqual([{ id: 1 }])
  })

  it('keep a service out of another service’s schema, and from creating anything in its own', async () => {
    await run(urls.audit.ownerUrl, 'CREATE TABLE secret (id int)')
    await expect(run(urls.records.url, 'SELECT * FROM audit.secret')).rejects.toThrow(/permission denied for schema/)
    await expect(run(urls.records.url, 'CREATE TABLE own (id int)')).rejects.toThrow(/permission denied/)
  })

  it('give a service its eraser’s rights only where it asks for them, and never another’s', async () => {
    await run(urls.records.ownerUrl, 'CREATE TABLE kept (id int)', 'GRANT SELECT, DELETE ON kept TO records_eraser')
    await expect(run(urls.records.url, 'DELETE FROM kept')).rejects.toThrow(/permission denied/)
    await run(urls.records.url, 'BEGIN', 'SET LOCAL ROLE records_eraser', 'DELETE FROM kept', 'COMMIT')
    await expect(run(urls.records.url, 'SET ROLE consent_eraser')).rejects.toThrow(/permission denied/)
  })

  it('can be provisioned again', async () => {
    expect(await provisionDatabase(postgres.url)).toEqual(urls)
  })

  it('need a password for each login role', () => {
    expect(() => provisionSql({ passwords: { identity: 'x' } })).toThrow(/identity_owner/)
  })
})
