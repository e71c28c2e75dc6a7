// What must never be signed: a database that was restored, and rows that are not what was written.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { eventually, LedgerUnderTest } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
let consent: ChainWriter
const NEVER = 3_600_000
const UNCHECKED = 'ALTER TABLE block DROP CONSTRAINT header_hashes'

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  ledger = await LedgerUnderTest.begin(database)
  records = new ChainWriter(ORIGIN, 'records')
  consent = new ChainWriter(ORIGIN, 'consent')
})
afterEach(() => ledger.end())

async function sealTwoParts() {
  const first = await ledger.start()
  await first.deliver(records.write(20))
  await first.sequencer.stop()
  await database.backUp()
  const second = await ledger.start()
  await second.deliver(records.write(20))
  await second.sequencer.stop()
}

// Whoever restores the signer's folder with the database gets by; only witnesses see that.
async function growAnotherHistory() {
  const { size, root } = await ledger.published()
  const memory = JSON.stringify({ v: 1, size, root: Buffer.from(root).toString('hex') })
  const file = `${ledger.dir}/signer-state.json`
  const kept = await readFile(file)
  await writeFile(file, memory)
  const forked = await ledger.start()
  await forked.deliver(consent.write(30))
  await forked.sequencer.stop()
  await writeFile(file, kept)
}

describe('a database that is older than the signer', () => {
  it('is found out: nothing is appended, nothing signed, and old data is still read', async () => {
    await sealTwoParts()
    const signed = await ledger.signed()
    await database.restore()
    const { status, deliver, published } = await ledger.start()
    expect(status.halt?.code).toBe('rollback-detected')
    await deliver(records.write(5))
    await new Promise((done) => setTimeout(done, 100))
    expect(await ledger.leafCount()).toBe(20)
    expect(await ledger.signed()).toEqual(signed)
    expect(published).toEqual([])
    expect(await ledger.entries()).toHaveLength((await ledger.head()).treeSize)
  })

  it('is found out even when another history has grown past what was signed', async () => {
    await sealTwoParts()
    const signed = await ledger.signed()
    await database.restore()
    await growAnotherHistory()
    expect((await ledger.head()).treeSize).toBeGreaterThan(signed.size)
    const { status } = await ledger.start()
    expect(status.halt?.code).toBe('rollback-detected')
    expect(await ledger.signed()).toEqual(signed)
  })

  it('is no excuse for a signer that lost its memory', async () => {
    await sealTwoParts()
    await rm(`${ledger.dir}/signer-state.json`)
    await expect(ledger.start()).rejects.toThrow('the signer state is missing')
  })
})

describe('the proof of consistency', () => {
  it('is made of what is stored now, so what changed beneath an old checkpoint is found before the next', async () => {
    const { deliver, status } = await ledger.start()
    // Each proof holds the root of tile 0 and is read from tiles of the same width: whoever remembers them has it.
    for (const count of [300, 40, 40]) {
      await deliver(records.write(count))
      await eventually(async () => (await ledger.leafCount()) === records.events.length)
      await eventually(async () => (await ledger.signed()).size === (await ledger.head()).treeSize)
    }
    const before = await ledger.signed()
    await database.tamper(`UPDATE tile SET root = sha256('x') WHERE level = 0 AND index = 0`)
    await deliver(records.write(40))
    await eventually(() => status.halt !== null)
    expect(status.halt?.code).toBe('signer-refused')
    expect(await ledger.signed()).toEqual(before)
  })
})

describe('what is read back before it is signed', () => {
  it.each([
    ['a byte of a leaf', `UPDATE block SET leaves = set_byte(leaves, 70, get_byte(leaves, 70) # 1) WHERE height = 1`],
    [
      'a header',
      `${UNCHECKED}; UPDATE block SET header = set_byte(header, 30, get_byte(header, 30) # 1) WHERE height = 1`,
    ],
    ['the hash of a header', `${UNCHECKED}; UPDATE block SET hash = sha256('x') WHERE height = 1`],
    ['a run', `UPDATE block SET runs = '[{"count": 400, "fromSeq": 2, "producer": "records"}]' WHERE height = 1`],
    ['a hash in a tile', `UPDATE tile SET hashes = set_byte(hashes, 9, get_byte(hashes, 9) # 1)`],
    ['the root of a tile', `UPDATE tile SET root = sha256('x')`],
    ['a missing tile', 'DELETE FROM tile'],
  ])('and differs in %s is not signed', async (_case, change) => {
    const { deliver, status, sequencer } = await ledger.start({ checkpointIntervalMs: NEVER, lingerMs: 50 })
    const before = await ledger.signed()
    await deliver(records.write(400))
    await ledger.sealed(400)
    await database.tamper(change)
    await sequencer.stop()
    expect(status.halt?.code).toBe('ledger-corrupt')
    expect(await ledger.signed()).toEqual(before)
    expect((await ledger.published()).size).toBe(before.size)
    const again = await ledger.start()
    // A tile that was changed below the signed size shows as a database that is not the signed one.
    expect(again.status.halt?.code).toMatch(/^(ledger-corrupt|rollback-detected)$/)
  })
})
