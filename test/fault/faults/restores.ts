// Old copies are put back: a rolled-back ledger appends and signs nothing (I10), a rolled-back producer answers nothing
// (I21), an old key store in which destroyed keys are back opens nothing with them (I22). Then the newest copy comes
// back, and nothing is lost.
import type { ServiceName } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import { statSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { SchemaCopy, withRoleLockedOut } from '../surroundings/schema-copy.js'
import type { Bed, Fault } from './fault.js'
import { expectNothingDone, ledgerState, untilLogged, untilPublishedBeyond, untilSaid } from './ledger-state.js'
import { restoreEverything } from './restore-everything.js'
import { restoreKeys } from './restore-keys.js'

type Producer = Exclude<ServiceName, 'ledger-sequencer'>

const SAYS_SO_WITHIN_MS = 40_000
const SEALED_WITHIN_MS = 60_000

export const RESTORE_FAULTS: Fault[] = [
  { kind: 'restore-everything', target: 'all', strike: restoreEverything },
  { kind: 'restore-ledger', target: 'all', strike: restoreLedger },
  { kind: 'restore-consent', target: 'all', strike: producerRestore('consent') },
  { kind: 'restore-records', target: 'all', strike: producerRestore('records') },
  { kind: 'restore-identity', target: 'all', strike: producerRestore('identity') },
  { kind: 'restore-audit', target: 'all', strike: producerRestore('audit') },
  { kind: 'restore-keys', target: 'all', strike: restoreKeys },
]

/** The newest copy of what was restored; putting it back ends the fault. */
export type Restored = { service: ServiceName; newest: SchemaCopy; seen?: number | undefined }

/** What is done once an old copy is in place and refused: the newest is put back. */
async function afterRestore(bed: Bed, { service, newest }: Restored): Promise<void> {
  await exchange(bed, { service, isRunning: true }, () => newest.restore())
  await newest.drop()
}

type Exchange = { service: ServiceName; isRunning: boolean }

// A service that runs on loses its connections, and must notice by itself that this is another database.
async function exchange<T>(bed: Bed, { service, isRunning }: Exchange, work: () => Promise<T>): Promise<T> {
  const role = service === 'ledger-sequencer' ? 'ledger' : service
  const lockedOut = () => withRoleLockedOut(bed.stack.state().postgres, role, work)
  return isRunning ? lockedOut() : bed.stack.services[service].whileStopped(lockedOut)
}

/** `look` sees the old copy while nobody else can reach it. */
type PutBack = Exchange & { look?: () => Promise<number> }

async function putBack(bed: Bed, old: SchemaCopy, { look, ...change }: PutBack): Promise<Restored> {
  return exchange(bed, change, async () => {
    const newest = await SchemaCopy.take(bed.stack.state().postgres, old.schema)
    await old.restore()
    return { service: change.service, newest, seen: await look?.() }
  })
}

function producerRestore(producer: Producer): Fault['strike'] {
  return async (bed, random) => {
    const old = await SchemaCopy.take(bed.stack.state().postgres, producer)
    await untilSealedBeyond(bed, producer)
    const from = statSync(bed.stack.services[producer].logFile).size
    const ofCopy = () => lastEvent(bed, producer)
    const restored = await putBack(bed, old, { service: producer, isRunning: random.chance(0.5), look: ofCopy })
    try {
      await untilLogged(bed.stack.services[producer].logFile, {
        code: 'PRODUCER_ROLLBACK',
        from,
        withinMs: SAYS_SO_WITHIN_MS,
      })
      await untilSaid(`${bed.stack.services[producer].url}/readyz`, /"producer":"down"/, SAYS_SO_WITHIN_MS)
      await delay(random.integer(1000, 2500))
      const last = await lastEvent(bed, producer)
      const more = last - restored.seen!
      if (more !== 0) bed.violated('I21', `${producer} wrote ${more} events after it was rolled back`)
    } finally {
      await afterRestore(bed, restored)
      await old.drop()
    }
  }
}

async function restoreLedger(bed: Bed, random: SeededRandom): Promise<void> {
  const sequencer = bed.stack.services['ledger-sequencer']
  const old = await SchemaCopy.take(bed.stack.state().postgres, 'ledger')
  await untilPublishedBeyond(bed, (await ledgerState(bed)).treeSize)
  const restored = await putBack(bed, old, { service: 'ledger-sequencer', isRunning: random.chance(0.5) })
  try {
    const before = await ledgerState(bed)
    await untilSaid(`${sequencer.url}/ledger/status`, /rollback-detected/, SAYS_SO_WITHIN_MS)
    await delay(random.integer(1000, 2500))
    expectNothingDone(bed, before, await ledgerState(bed))
  } finally {
    await afterRestore(bed, restored)
    await old.drop()
    // Halted for good: what it knows is of a database that is gone.
    await sequencer.kill()
  }
}

async function lastEvent(bed: Bed, producer: Producer): Promise<number> {
  const [row] = await bed.sql<{ last: number }>(`SELECT coalesce(max(pk), 0)::int AS last FROM ${producer}.event`)
  return row!.last
}

/** Resolves once the ledger has sealed an event that this producer wrote just now. */
async function untilSealedBeyond(bed: Bed, producer: Producer): Promise<void> {
  const cursor = async () => {
    const [row] = await bed.sql<{ seq: number }>(
      'SELECT last_seq::int AS seq FROM ledger.producer_cursor WHERE producer = $1',
      [producer],
    )
    return row?.seq ?? 0
  }
  const [head] = await bed.sql<{ waiting: number; seq: number }>(
    `SELECT last_seq::int AS seq, (SELECT count(*)::int FROM ${producer}.outbox) AS waiting FROM ${producer}.relay_head`,
  )
  const beyond = head!.seq + head!.waiting
  const deadline = performance.now() + SEALED_WITHIN_MS
  while ((await cursor()) <= beyond) {
    if (performance.now() > deadline) throw new Error(`nothing of ${producer} was sealed in a minute`)
    await bed.provoke(producer)
    await delay(200)
  }
}
