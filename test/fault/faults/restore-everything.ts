// The whole data folder of Postgres goes back to an old copy, the ledger with it: the signer alone knows better.
import type { SeededRandom } from '@careseal/synthetic'
import { renameSync, rmSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from '../surroundings/command.js'
import type { Bed } from './fault.js'
import { expectNothingDone, ledgerState, untilPublishedBeyond, untilSaid } from './ledger-state.js'

const SAYS_SO_WITHIN_MS = 60_000

export async function restoreEverything(bed: Bed, random: SeededRandom): Promise<void> {
  const { postgres, services, dataDir } = bed.stack
  const [current, old, newest] = ['postgres', 'postgres.old', 'postgres.newest'].map((name) => dataDir.path(name)) as [
    string,
    string,
    string,
  ]
  await postgres.whileStopped(() => run('cp', '-a', current, old))
  await untilPublishedBeyond(bed, await untilReached(bed))
  await postgres.whileStopped(async () => {
    renameSync(current, newest)
    renameSync(old, current)
  })
  const before = await untilReachable(bed)
  const acknowledged = bed.load.acknowledged
  try {
    await untilSaid(`${services['ledger-sequencer'].url}/ledger/status`, /rollback-detected/, SAYS_SO_WITHIN_MS)
    await delay(random.integer(1000, 2500))
    expectNothingDone(bed, before, await ledgerState(bed))
    const more = bed.load.acknowledged - acknowledged
    if (more > 0) bed.violated('I21', `${more} operations were acknowledged on a database that had been rolled back`)
  } finally {
    await postgres.whileStopped(async () => {
      rmSync(current, { recursive: true })
      renameSync(newest, current)
    })
    await services['ledger-sequencer'].kill()
  }
}

async function untilReached(bed: Bed): Promise<number> {
  return (await untilReachable(bed)).treeSize
}

/** Postgres answers again. */
async function untilReachable(bed: Bed): Promise<Awaited<ReturnType<typeof ledgerState>>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ledgerState(bed)
    } catch (error) {
      if (attempt === 100) throw error
      await delay(100)
    }
  }
}
