// A witness is struck at each step of making its memory durable: it forgets nothing that it answered, and never signs a
// second tree of a size that it may have signed.
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { cosignedAt, TestLog } from '../../../apps/witness/test/test-log.js'
import { WitnessUnderTest, type Reply } from '../../../apps/witness/test/witness-under-test.js'
import { temporaryFolder } from '../../support/careseal.js'
import { FailPoints, failPointEnvironment, MODES } from './fail-points.js'

const STEPS = ['signer.write', 'signer.rename', 'signer.sync-folder'] as const
const cases = STEPS.flatMap((step) => MODES.map((mode) => [step, mode] as const))

const log = new TestLog('ledger.example.org/struck')
const folder = temporaryFolder()
const points = new FailPoints(folder.path)
afterAll(() => folder.remove())

describe('a witness that is struck while it remembers', () => {
  let witness: WitnessUnderTest
  let vkeys: string[]

  beforeEach(async () => {
    witness = new WitnessUnderTest({ logs: [{ origin: log.origin, vkeys: [log.vkey] }] })
    vkeys = await witness.init()
    await witness.start(failPointEnvironment(folder.path))
    return () => witness.remove()
  })

  const add = async (asked: Parameters<TestLog['request']>[0]): Promise<Reply | null> =>
    witness.addCheckpoint(await log.request(asked)).catch(() => null)

  it.each(cases)('at %s, %s, has answered nothing and goes on', async (step, mode) => {
    expect(await add({ size: 5 })).toMatchObject({ status: 200 })
    points.arm({ step, mode })
    const struck = await add({ from: 5, size: 9 })
    await points.struck(10_000)
    expect(struck?.status ?? 'no answer').toBe(mode === 'persisted but reported as failed' ? 500 : 'no answer')
    await witness.end('SIGKILL')
    await witness.start()
    const known = Number((await add({ size: 60 }))?.body)
    expect([5, 9]).toContain(known)
    const fork = await add({ from: known, size: known, salt: 1 })
    expect(fork).toMatchObject({ status: 422 })
    const answer = await add({ from: known, size: 9 })
    expect(await cosignedAt((await log.checkpoint({ size: 9 })) + answer?.body, vkeys)).toHaveLength(1)
  })
})
