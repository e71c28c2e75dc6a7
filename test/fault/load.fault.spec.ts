// Clients do all that they may and some that they may not, first in peace, then while records and consent die under
// them: what each was told is what the ledger holds.
import type { CaresealStack } from '@careseal/stack'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { careseal, temporaryFolder } from '../support/careseal.js'
import { baseSeed } from './campaign/seed.js'
import { checkHistory } from './check/check-history.js'
import { loadFacts } from './check/load-facts.js'
import type { Violation } from './check/result.js'
import { untilSealed } from './check/until-sealed.js'
import type { History } from './load/history.js'
import { Load } from './load/load.js'
import { prepareWorld, type World } from './load/world.js'
import { startNativeStack } from './surroundings/native-stack.js'

const PEACE_MS = 20_000
/** In peace nothing else wants the processors. */
const CLIENTS_IN_PEACE = 24
const SEALED_WITHIN_MS = 30_000
const seed = baseSeed()
const folder = temporaryFolder()
let stack: CaresealStack
let world: World
let history: History

beforeAll(async () => {
  console.log(`seed ${seed}`)
  stack = await startNativeStack(folder.path)
  world = await prepareWorld(stack, { seed })
})
afterAll(async () => {
  await stack?.stop()
  folder.remove()
})

type Verdict = { violations: Violation[]; blindChecks: string[]; fsck: number | null }

const CLEAN: Verdict = { violations: [], blindChecks: [], fsck: 0 }

/** What all checks say once nothing waits. A check that looked at nothing is blind. */
async function verdict(): Promise<Verdict> {
  const database = stack.state().postgres
  const sealedMs = await untilSealed(database, { withinMs: SEALED_WITHIN_MS })
  const results = checkHistory(history, await loadFacts(database))
  const unanswered = history.entries.filter(({ outcome }) => outcome === 'unknown').length
  console.log(
    `${history.entries.length} operations, ${unanswered} without an answer, sealed in ${sealedMs.toFixed()} ms`,
  )
  for (const { name, checked } of results) console.log(`${checked} looked at: ${name}`)
  const { code, stdout, stderr } = await careseal(['fsck', '--data-dir', folder.path])
  if (code !== 0) console.log(stdout, stderr)
  const blindChecks = results.filter(({ checked }) => checked === 0).map(({ name }) => name)
  return { violations: results.flatMap(({ violations }) => violations), blindChecks, fsck: code }
}

describe('clients of a ledger', () => {
  it('are told in peace what the ledger holds', async () => {
    const load = new Load({ origin: stack.origin, world, seed, clients: CLIENTS_IN_PEACE })
    history = load.history
    load.start()
    await delay(PEACE_MS)
    const perMinute = Math.round((load.acknowledged * 60_000) / PEACE_MS)
    await load.stop()
    console.log(`${perMinute} acknowledged operations a minute`)
    expect(await verdict()).toEqual(CLEAN)
  })

  it('are told it too while records and consent die with requests in flight', async () => {
    const load = new Load({ origin: stack.origin, world, seed, history })
    load.start()
    for (const name of ['records', 'consent'] as const) {
      await load.untilProgress(50)
      await expect.poll(() => load.inFlight, { timeout: 30_000 }).toBeGreaterThan(0)
      await stack.services[name].kill()
      await stack.untilReady()
    }
    await load.untilProgress(50)
    await load.stop()
    expect(await verdict()).toEqual(CLEAN)
  })
})
