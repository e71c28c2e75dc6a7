import { hex, sha256 } from '@careseal/crypto'
import { approve, firstLink, LedgerVerifier } from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { newOperator } from './operators.js'
import { ORIGIN } from './raw-block.js'
import { RunningApp } from './running-app.js'

type Outcome = { status: number; code?: string; index?: number; height?: number }

const operators = ['operator-1', 'operator-2'].map(newOperator)
const consent = new ChainWriter(ORIGIN, 'consent')
const second = new ChainWriter(ORIGIN, 'consent-2')
const records = new ChainWriter(ORIGIN, 'records')
let database: LedgerDatabase
let app: RunningApp

beforeAll(async () => {
  database = await startLedgerDatabase()
  const vkeys = operators.map(({ vkey }) => vkey)
  app = await RunningApp.start(database, await LedgerUnderTest.begin(database, vkeys))
  // The second incarnation answers for the service; the first one is asked no more once it was followed.
  app.answerFor(records)
  await eventually(async () => (await app.get('/readyz')).ok)
})
afterAll(async () => {
  await app?.stop()
  await app?.ledger.end()
  await database.stop()
})

const admission = (name: string, follows: string | null) => {
  const data = { name, firstLink: hex(firstLink(sha256, ORIGIN, name)), follows }
  return { type: 'producer-admitted', data }
}

async function submit(index: number, name: string, { by = operators, follows = 'consent' as string | null } = {}) {
  const entry = approve({ origin: ORIGIN, index }, admission(name, follows), by)
  const response = await app.post('/ledger/admin-entries', { index, ...entry })
  return { ...((await response.json()) as Outcome), status: response.status }
}

describe('an administration entry', () => {
  it('is refused without the approvals of two operators, whatever index it names', async () => {
    const { treeSize } = await app.ledger.head()
    const stranger = [operators[0]!, newOperator('operator-2')]
    expect(await submit(treeSize, 'consent-2', { by: [operators[0]!] })).toMatchObject({
      status: 422,
      code: 'not-approved',
    })
    expect(await submit(treeSize, 'consent-2', { by: stranger })).toMatchObject({ status: 422, code: 'not-approved' })
    expect((await app.ledger.head()).treeSize).toBe(treeSize)
  })

  it('is appended on a busy ledger at the second try, for the index is held for it', async () => {
    await app.publish(consent.write(10))
    await app.ledger.sealed(10)
    const writing = new AbortController()
    const load = (async () => {
      for (; !writing.signal.aborted; await delay(2)) await app.publish(records.write(20))
    })()
    const late = await submit(2, 'consent-2')
    expect(late).toMatchObject({ status: 409, code: 'index-passed' })
    expect(await submit(late.index!, 'consent-2')).toMatchObject({ status: 201, index: late.index })
    writing.abort()
    await load
    await app.ledger.sealed(10 + records.events.length)
  })

  it('lets the new incarnation be read at once, and closes the one that it follows', async () => {
    app.answerFor(second)
    const before = await app.ledger.leafCount()
    await app.publish(consent.write(5))
    await app.publish(second.write(7))
    await app.ledger.sealed(before + 7)
    await app.publish(records.write(1))
    await app.ledger.sealed(before + 8)
    const { producers } = (await (await app.get('/ledger/producers')).json()) as { producers: object[] }
    expect(producers).toContainEqual(expect.objectContaining({ producer: 'consent', latest: 'consent-2', lastSeq: 10 }))
    expect(producers).toContainEqual(
      expect.objectContaining({ producer: 'consent-2', latest: 'consent-2', lastSeq: 7 }),
    )
  })

  it('cannot be sent again, and holds nothing up', async () => {
    const { treeSize } = await app.ledger.head()
    expect(await submit(treeSize, 'consent-2')).toMatchObject({ status: 422, code: 'already-admitted' })
    expect(await submit(treeSize, 'consent-3')).toMatchObject({ status: 422, code: 'not-the-next-incarnation' })
  })

  it('leaves a ledger that verifies from its entries alone', async () => {
    const verifier = new LedgerVerifier(sha256)
    const entries = (await app.ledger.entries()).map((bytes) => verifier.push(bytes))
    expect(entries.filter((entry) => 'admin' in entry)).toHaveLength(1)
    expect(verifier.state().producers['consent-2']?.seq).toBe(7)
  })

  it('is remembered by the next process', async () => {
    const { ledger } = app
    await app.stop()
    app = await RunningApp.start(database, ledger)
    app.answerFor(second)
    app.answerFor(records)
    const before = await ledger.leafCount()
    await app.publish(consent.write(3))
    await app.publish(second.write(2))
    await ledger.sealed(before + 2)
    await delay(200)
    expect(await ledger.leafCount()).toBe(before + 2)
  })
})
