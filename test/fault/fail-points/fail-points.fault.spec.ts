// Every durable step of the running services is struck while clients work: what they were told stands, and nothing happened
// twice. `npm test` strikes each in one way, which the seed turns; `npm run test:long fail-points` in all three.
import { readFileSync } from 'node:fs'
import { DURABLE_STEPS, type DurableStep } from '@careseal/durable-step'
import type { CaresealStack } from '@careseal/stack'
import { seededRandom } from '@careseal/synthetic'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder } from '../../support/careseal.js'
import { baseSeed } from '../campaign/seed.js'
import { checkHistory } from '../check/check-history.js'
import { loadFacts } from '../check/load-facts.js'
import { untilSealed } from '../check/until-sealed.js'
import { Load } from '../load/load.js'
import { prepareWorld } from '../load/world.js'
import { failPointEnvironment, FailPoints, MODES } from './fail-points.js'
import { startNativeStack } from '../surroundings/native-stack.js'

/** Comes but once in the life of a ledger: ledger-init.fault.spec.ts strikes it. */
const ONCE: readonly DurableStep[] = ['signer.link']

/** What has to be done to the sequencer for it to come there; all other steps come by themselves under load. */
const PROVOKED: Partial<Record<DurableStep, NodeJS.Signals>> = { 'lease.take': 'SIGKILL', 'lease.release': 'SIGTERM' }

const REACHED_WITHIN_MS = 60_000
const SEALED_WITHIN_MS = 30_000

/** False for a process that ended, also where its parent has not collected it yet. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const isLong = process.env['CARESEAL_LONG'] === '1'
const seed = baseSeed()
const random = seededRandom(`${seed}/fail-points`)
const cases = DURABLE_STEPS.filter((step) => !ONCE.includes(step)).flatMap((step) =>
  (isLong ? MODES : [random.pick(MODES)]).map((mode) => [step, mode] as const),
)
const data = temporaryFolder()
const armed = temporaryFolder()
const points = new FailPoints(armed.path)
let stack: CaresealStack
let load: Load

beforeAll(async () => {
  console.log(`seed ${seed}`)
  stack = await startNativeStack(data.path, {
    // Fail points are struck in what the compiler leaves.
    programs: undefined,
    env: failPointEnvironment(armed.path),
    restartDelayMsMax: 300,
  })
  load = new Load({ origin: stack.origin, world: await prepareWorld(stack, { seed }), seed })
  load.start()
  await load.untilProgress(50)
})
afterAll(async () => {
  await load?.stop({ giveUpAfterMs: 1_000 })
  await stack?.stop()
  data.remove()
  armed.remove()
})

describe('services that are struck at a durable step', () => {
  it.each(cases)('go on after %s, %s', async (step, mode) => {
    points.arm({ step, mode })
    const signal = PROVOKED[step]
    if (signal) process.kill(stack.services['ledger-sequencer'].pid, signal)
    const { pid } = await points.struck(REACHED_WITHIN_MS)
    await stack.untilReady()
    await load.untilProgress(20)
    const mayLive = mode === 'persisted but reported as failed'
    expect(mayLive || !isRunning(pid)).toBe(true)
  })

  it('hold what their clients were told, each once', async () => {
    await load.stop()
    await untilSealed(stack.state().postgres, { withinMs: SEALED_WITHIN_MS })
    const results = checkHistory(load.history, await loadFacts(stack.state().postgres))
    expect(results.flatMap(({ violations }) => violations).slice(0, 20)).toEqual([])
    expect(results.filter(({ checked }) => checked === 0)).toEqual([])
  })

  it.each(['verify', 'fsck'])('are clean by careseal %s', async (command) => {
    const ended = await careseal([command, '--data-dir', data.path])
    expect(ended, `${ended.stdout}\n${ended.stderr}`).toMatchObject({ code: 0 })
  })
})
