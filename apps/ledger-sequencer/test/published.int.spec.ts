// What the world is told only ever moves forward, whoever writes it and however late.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { LedgerUnderTest } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'
import { publish } from '../src/reading/published.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(async () => {
  await ledger.end()
  await database.stop()
})
beforeEach(async () => {
  ledger = await LedgerUnderTest.begin(database)
})

describe('the published checkpoint', () => {
  it('never goes back, whoever comes late', async () => {
    const { deliver, sequencer } = await ledger.start()
    const older = await ledger.published()
    await deliver(new ChainWriter(ORIGIN, 'records').write(20))
    await sequencer.stop()
    const newer = await ledger.published()
    expect(newer.size).toBeGreaterThan(older.size)
    expect(await publish(database.pool, older)).toBe(false)
    expect(await ledger.published()).toEqual(newer)
  })
})
