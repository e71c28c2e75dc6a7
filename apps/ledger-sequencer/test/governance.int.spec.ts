// What the ledger tells of its own rules: entries, keys, and single entries, each checked against the whole ledger; and
// that every route answers what its description says.
import { hex, sha256 } from '@careseal/crypto'
import { approve, firstLink, keyHistory, parseEntry, type Admin, type Genesis } from '@careseal/ledger-core'
import { leafHash } from '@careseal/merkle'
import type { z } from 'zod'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeLedgerApi } from '../src/describe-api.js'
import * as answers from '../src/reading/answers.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { newOperator } from './operators.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'

type Page = {
  entries: { index: number; bytes: string; type: string; data: unknown; operators: string[]; height: number }[]
  next: number | null
  treeSize: number
}

const operators = ['operator-1', 'operator-2'].map(newOperator)
const records = new ChainWriter(ORIGIN, 'records')
let database: LedgerDatabase
let app: RunningApp
let entries: Uint8Array[]

beforeAll(async () => {
  database = await startLedgerDatabase()
  const vkeys = operators.map(({ vkey }) => vkey)
  app = await RunningApp.start(database, await LedgerUnderTest.begin(database, vkeys))
  app.answerFor(records)
  await eventually(async () => (await app.get('/readyz')).ok)
  await admit('records-2', 'records')
  await admit('consent-2', 'consent')
  entries = await app.ledger.entries()
})
afterAll(async () => {
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

async function admit(name: string, follows: string): Promise<void> {
  const data = { name, firstLink: hex(firstLink(sha256, ORIGIN, name)), follows }
  // 503 until the process seals, which is a moment after it is ready.
  await eventually(async () => {
    const { treeSize: index } = await app.ledger.head()
    const admin = approve({ origin: ORIGIN, index }, { type: 'producer-admitted', data }, operators)
    return (await app.post('/ledger/admin-entries', { index, ...admin })).status === 201
  })
}

async function json<T>(path: string): Promise<T> {
  const response = await app.get(path)
  expect([path, response.status, response.headers.get('access-control-allow-origin')]).toEqual([path, 200, '*'])
  return (await response.json()) as T
}

describe('governance', () => {
  it('is every control entry of the ledger, and no other, page by page', async () => {
    const told: Page['entries'] = []
    for (let from: number | null = 0; from !== null;) {
      const page: Page = await json<Page>(`/ledger/governance?from=${from}&limit=1`)
      expect(page.entries).toHaveLength(1)
      told.push(...page.entries)
      from = page.next
    }
    const expected = entries.flatMap((bytes, index) => {
      const entry = parseEntry(bytes)
      return 'genesis' in entry || 'admin' in entry ? [{ index, bytes: Buffer.from(bytes).toString('base64') }] : []
    })
    expect(told.map(({ index, bytes }) => ({ index, bytes }))).toEqual(expected)
    expect(told.map(({ type }) => type)).toEqual(['genesis', 'producer-admitted', 'producer-admitted'])
    expect(told[1]).toMatchObject({ operators: ['operator-1', 'operator-2'], data: { name: 'records-2' } })
  })

  it('begins behind an index', async () => {
    const { entries: told } = await json<Page>('/ledger/governance?from=1')
    expect(told.map(({ data }) => (data as { name: string }).name)).toEqual(['records-2', 'consent-2'])
    expect((await json<Page>('/ledger/governance?from=99999')).entries).toEqual([])
  })
})

describe('the history of keys', () => {
  it('is what anybody folds out of the entries', async () => {
    const { origin, keys } = await json<{ origin: string; keys: object[] }>('/ledger/keys')
    const { genesis } = parseEntry(entries[0]!) as { genesis: Genesis }
    const admins = entries.flatMap((bytes, index) => {
      const entry = parseEntry(bytes) as { admin?: Admin }
      return entry.admin ? [{ index, admin: entry.admin }] : []
    })
    expect(origin).toBe(ORIGIN)
    expect(keys).toEqual(keyHistory(sha256, genesis, admins))
    expect((await (await app.get('/ledger/vkey')).text()).split('\n')).toEqual([...genesis.logKeys, ''])
  })
})

describe('a single entry', () => {
  it('is given with its hash in the tree and what it says', async () => {
    for (const index of [0, 1, 2, entries.length - 1]) {
      const bytes = entries[index]!
      expect(await json(`/ledger/entries/${index}`)).toEqual({
        index,
        bytes: Buffer.from(bytes).toString('base64'),
        leafHash: hex(leafHash(sha256, bytes)),
        entry: JSON.parse(Buffer.from(bytes).toString()),
      })
    }
  })

  it('is refused beyond the ledger', async () => {
    const beyond = await app.get('/ledger/entries/99999')
    expect([beyond.status, beyond.headers.get('cache-control')]).toEqual([404, 'no-store'])
    expect((await app.get('/ledger/entries/01')).status).toBe(400)
  })
})

describe('the description of the routes', () => {
  it('is the one that the running service gives', async () => {
    expect(await json('/ledger/openapi.json')).toEqual(JSON.parse(JSON.stringify(await describeLedgerApi())))
  })

  it.each<[string, z.ZodType]>([
    ['/ledger/blocks', answers.BlocksAnswer],
    ['/ledger/blocks/1', answers.BlockAnswer],
    ['/ledger/entries', answers.EntriesAnswer],
    ['/ledger/entries/2', answers.EntryAnswer],
    ['/ledger/proof/inclusion?index=1', answers.InclusionAnswer],
    ['/ledger/proof/consistency?old=1', answers.ConsistencyAnswer],
    ['/ledger/governance', answers.GovernanceAnswer],
    ['/ledger/keys', answers.KeysAnswer],
    ['/ledger/producers', answers.ProducersAnswer],
    ['/ledger/producers/records', answers.ProducerAnswer],
    ['/ledger/status', answers.StatusAnswer],
  ])('says what %s answers', async (path, schema) => {
    const answer = await json(path)
    expect(schema.parse(answer)).toEqual(answer)
  })
})
