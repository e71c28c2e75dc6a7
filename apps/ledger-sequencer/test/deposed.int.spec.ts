// A sequencer that has lost its lease and is not dead yet: its pool and its signer still answer it.
import { sha256 } from '@careseal/crypto'
import { parseCheckpoint } from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Checkpointer } from '../src/checkpointer/checkpointer.js'
import { confirmHead } from '../src/checkpointer/confirm-head.js'
import { Cosigning } from '../src/cosigning/cosigning.js'
import { NO_POLICY } from '../src/cosigning/witness-policy.js'
import { publish } from '../src/reading/published.js'
import { LedgerStatus } from '../src/ledger-status.js'
import { Signer } from '../src/signer/signer.js'
import type { LogSigner } from '../src/signer/log-signer.js'
import { ChainWriter } from './chain-writer.js'
import { startLedgerDatabase, type LedgerDatabase } from './ledger-database.js'
import { LedgerUnderTest } from './ledger-under-test.js'
import { ORIGIN } from './raw-block.js'

let database: LedgerDatabase
let ledger: LedgerUnderTest
let records: ChainWriter
const NEVER = 3_600_000

beforeAll(async () => {
  database = await startLedgerDatabase()
})
afterAll(() => database.stop())
beforeEach(async () => {
  ledger = await LedgerUnderTest.begin(database)
  records = new ChainWriter(ORIGIN, 'records')
})
afterEach(() => ledger.end())

async function wordOf({ read }: { read: Signer['read'] }) {
  const { size: publishedSize } = await ledger.published()
  return { ...(await read()), publishedSize }
}

async function checkpointer(sign: LogSigner['sign']) {
  const signer = await Signer.open(ledger.dir)
  const { signed, publishedSize } = await wordOf({ read: () => signer.read() })
  const confirmation = await confirmHead(database.pool, sha256, { signed, genesis: signer.genesis, publishedSize })
  if ('rolledBack' in confirmation) throw new Error(confirmation.rolledBack)
  const status = new LedgerStatus()
  const own = new Checkpointer({
    sql: database.pool,
    sha256,
    origin: ORIGIN,
    signer: { sign },
    signedSize: signed.size,
    standing: (await ledger.published()).note,
    chain: confirmation.chain,
    cosigning: new Cosigning({ policy: NO_POLICY, deadlineMs: 500, onAnswer: () => {} }),
    status,
    onSigned: () => {},
    onPublished: () => {},
    onTrouble: () => {},
  })
  return { own, status }
}

describe('a deposed sequencer', () => {
  it('that signs newer blocks than its successor has read does not stop it', async () => {
    const { deliver } = await ledger.start({ checkpointIntervalMs: NEVER })
    await deliver(records.write(20))
    await ledger.sealed(20)
    const signer = await Signer.open(ledger.dir)
    const deposed = await checkpointer((request) => signer.sign(request))
    let isFirst = true
    const successor = await checkpointer(async (request) => {
      if (isFirst) {
        isFirst = false
        await deliver(records.write(20))
        await ledger.sealed(40)
        await deposed.own.round()
      }
      return signer.sign(request)
    })
    await expect(successor.own.round()).rejects.toThrow('the signer has signed meanwhile')
    expect(successor.status.halt).toBeNull()
    await deliver(records.write(20))
    await ledger.sealed(60)
    expect(await successor.own.round()).toBe(true)
    expect((await ledger.published()).size).toBe((await ledger.head()).treeSize)
  })

  it('that stood still while its successor published the same size replaces nothing, and learns what stands', async () => {
    const { deliver } = await ledger.start({ checkpointIntervalMs: NEVER })
    await deliver(records.write(20))
    await ledger.sealed(20)
    const signer = await Signer.open(ledger.dir)
    let ofSuccessor = ''
    const { own } = await checkpointer(async (request) => {
      const answer = await signer.sign(request)
      if (ofSuccessor !== '' || !('note' in answer)) return answer
      const { size, root } = parseCheckpoint(request.text)
      ofSuccessor = `${answer.note}of a successor`
      expect(await publish(database.pool, { size, root, note: ofSuccessor }, '')).toBe(true)
      return answer
    })
    expect(await own.round()).toBe(false)
    expect((await ledger.published()).note).toBe(ofSuccessor)
    expect(await own.round()).toBe(true)
    expect((await ledger.published()).note).not.toBe(ofSuccessor)
  })

  it('that publishes while its successor asks the signer is no rollback', async () => {
    const { deliver } = await ledger.start()
    const signer = await Signer.open(ledger.dir)
    const { signed, publishedSize } = await wordOf({ read: () => signer.read() })
    await deliver(records.write(20))
    await ledger.sealed(20)
    while ((await ledger.published()).size === publishedSize) await delay(10)
    const word = { signed, genesis: signer.genesis, publishedSize }
    expect(await confirmHead(database.pool, sha256, word)).toHaveProperty('chain')
  })

  it('is not excused where the signer has signed more than the database holds', async () => {
    await ledger.start({ checkpointIntervalMs: NEVER })
    const { own, status } = await checkpointer(async () => ({ conflict: 1_000 }))
    expect(await own.round()).toBe(true)
    expect(status.halt?.code).toBe('signer-refused')
  })
})
