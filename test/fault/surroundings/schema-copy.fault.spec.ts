import { databaseUrl, provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SchemaCopy, withRoleLockedOut } from './schema-copy.js'

let postgres: RunningPostgres
let admin: string
let asConsent: string

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  asConsent = (await provisionDatabase(postgres.url)).consent.url
  admin = databaseUrl(postgres.url)
  await query(
    admin,
    `CREATE TABLE consent.event (pk bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL,
       size int GENERATED ALWAYS AS (length(body)) STORED);
     CREATE TABLE consent.outbox (event_pk bigint PRIMARY KEY REFERENCES consent.event);
     CREATE FUNCTION consent.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'insert-only'; END $$;
     CREATE TRIGGER only_inserts BEFORE UPDATE OR DELETE ON consent.event FOR EACH ROW EXECUTE FUNCTION consent.refuse();
     GRANT ALL ON ALL TABLES IN SCHEMA consent TO consent;`,
  )
})
afterAll(() => postgres?.stop())

async function query(url: string, text: string): Promise<object[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<object>(text)).rows
  } finally {
    await client.end()
  }
}

const add = (body: string) =>
  query(
    admin,
    `WITH one AS (INSERT INTO consent.event (body) VALUES ('${body}') RETURNING pk)
    INSERT INTO consent.outbox SELECT pk FROM one`,
  )
const events = () => query(admin, 'SELECT pk::int, body, size FROM consent.event ORDER BY pk')

describe('a copy of a schema', () => {
  it('comes back as it was, past triggers and references, and so do its numbers', async () => {
    await add('first')
    const copy = await SchemaCopy.take(admin, 'consent')
    await add('second')
    const newest = await SchemaCopy.take(admin, 'consent')
    await copy.restore()
    expect(await events()).toEqual([{ pk: 1, body: 'first', size: 5 }])
    await add('again')
    expect(await events()).toContainEqual({ pk: 2, body: 'again', size: 5 })
    await newest.restore()
    expect(await events()).toEqual([
      { pk: 1, body: 'first', size: 5 },
      { pk: 2, body: 'second', size: 6 },
    ])
    await copy.drop()
    await newest.drop()
  })

  it('is put back while nobody of the service is connected', async () => {
    const client = new Client({ connectionString: asConsent })
    const gone = new Promise<string>((resolve) => client.on('error', (error) => resolve(error.message)))
    await client.connect()
    await withRoleLockedOut(admin, 'consent', async () => {
      expect(await gone).toMatch(/terminat/)
      await expect(query(asConsent, 'SELECT 1')).rejects.toThrow('not permitted to log in')
    })
    expect(await query(asConsent, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })
})
