// Two sequencers on one database: whoever seals is killed, or stands still longer than the lease, also with its append
// begun; their signer dies; their database is an old copy. How long nothing was sealed is noted for each fail-over.
import type { ControlledService } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import { Client } from 'pg'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { SchemaCopy, withRoleLockedOut } from '../surroundings/schema-copy.js'
import type { Bed, Fault } from './fault.js'
import { expectNothingDone, ledgerState, untilPublishedBeyond } from './ledger-state.js'
import { pause } from './processes.js'

const LEASE_MS = 1_000
const WITHIN_MS = 60_000

export const PAIR_FAULT_LIST: Fault[] = [
  { kind: 'kill-active', target: 'sequencers', strike: killActive },
  { kind: 'pause-active', target: 'sequencers', strike: pauseActive },
  // Alone: a connection of ours holds the append up, and would end with Postgres.
  { kind: 'pause-in-append', target: 'all', strike: pauseInAppend },
  { kind: 'kill-standby', target: 'sequencers', strike: async (bed) => (await standbyOf(bed)).kill() },
  { kind: 'kill-signer', target: 'signer', strike: killSigner },
  { kind: 'restore-ledger-pair', target: 'all', strike: restoreLedgerPair },
]

type Sequencers = readonly [ControlledService, ControlledService]

function sequencersOf({ stack }: Bed): Sequencers {
  if (!stack.pair) throw new Error('this ledger has one sequencer: start it with sequencers: 2')
  return [stack.services['ledger-sequencer'], stack.pair.standby]
}

/** The sequencer that seals now. */
export async function activeOf(bed: Bed): Promise<ControlledService> {
  const deadline = performance.now() + WITHIN_MS
  for (; performance.now() < deadline; await delay(20)) {
    const states = await Promise.all(sequencersOf(bed).map(stateOf))
    const sealing = sequencersOf(bed).filter((one, i) => states[i] === 'confirmed' && one.pid !== 0)
    if (sealing.length === 1) return sealing[0]!
  }
  throw new Error('for a minute no sequencer said that it seals, or both did')
}

async function standbyOf(bed: Bed): Promise<ControlledService> {
  const active = await activeOf(bed)
  const other = sequencersOf(bed).find((one) => one !== active)!
  while (other.pid === 0) await delay(20)
  return other
}

async function stateOf({ url }: ControlledService): Promise<string> {
  try {
    const answer = await fetch(`${url}/ledger/status`, { signal: AbortSignal.timeout(1_000) })
    const { state, halt } = (await answer.json()) as { state: string; halt?: { code: string } }
    return halt?.code ?? state
  } catch {
    return 'silent'
  }
}

async function killActive(bed: Bed): Promise<void> {
  await measured(bed, 'kill-active', async (active) => active.kill())
}

async function pauseActive(bed: Bed, random: SeededRandom): Promise<void> {
  // It wakes up only when another has begun: its lease has run out in any case.
  const milliseconds = random.integer(LEASE_MS + 1_000, LEASE_MS + 3_000)
  await measured(bed, 'pause-active', async ({ pid }) => pause(pid, milliseconds))
}

/** Strikes the one that seals, and notes how long it took until another sealed, and until it had committed a block. */
async function measured(bed: Bed, kind: string, strike: (active: ControlledService) => Promise<void>): Promise<void> {
  await standbyReady(bed)
  const { active, epoch } = await holderOf(bed)
  const struckAt = Date.now()
  const struck = strike(active)
  struck.catch(() => {})
  await untilTakenOver(bed, { epoch, struckAt, kind })
  await struck
}

/** Who seals, and under which epoch: Postgres may have been killed, and the lease be another's by now. */
async function holderOf(bed: Bed): Promise<{ active: ControlledService; epoch: number }> {
  for (;;) {
    const epoch = await epochOf(bed)
    const active = await activeOf(bed)
    if ((await epochOf(bed)) === epoch) return { active, epoch }
  }
}

async function epochOf(bed: Bed): Promise<number> {
  const [lease] = await bed.sql<{ epoch: number }>('SELECT epoch::int FROM ledger.lease')
  return lease!.epoch
}

type Struck = { epoch: number; struckAt: number; kind: string }

async function untilTakenOver(bed: Bed, { epoch, struckAt, kind }: Struck): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  for (; performance.now() < deadline; await delay(100)) {
    // The log first: connections of ours would only delay who takes over.
    const since = sealingSince(bed, struckAt)
    if (since === Infinity) continue
    const [block] = await bed.sql<{ at: number | null }>(
      'SELECT extract(epoch FROM min(committed_at))::float8 * 1000 AS at FROM ledger.block WHERE epoch > $1',
      [epoch],
    )
    if (!block?.at) continue
    bed.failedOver(kind, since - struckAt)
    return bed.failedOver(`${kind}, next block`, Math.round(block.at - struckAt))
  }
  throw new Error(`no block was sealed by another for a minute after epoch ${epoch}`)
}

/** When a sequencer said first after this time that it seals; Infinity before it has. */
function sealingSince(bed: Bed, after: number): number {
  const said = sequencersOf(bed).flatMap(({ logFile }) =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"msg":"sealing"'))
      .map((line) => Date.parse((JSON.parse(line) as { time: string }).time)),
  )
  return Math.min(...said.filter((time) => time > after))
}

// A take-over shows something only with somebody there to take over.
async function standbyReady(bed: Bed): Promise<void> {
  const standby = await standbyOf(bed)
  const deadline = performance.now() + WITHIN_MS
  while ((await stateOf(standby)) !== 'starting') {
    if (performance.now() > deadline) throw new Error('the standby did not come back for a minute')
    await delay(50)
  }
}

/**
 * The append has the lease's row and waits for the head's, which is held here; then its process stands still. Only
 * whoever ends that backend can take over.
 */
async function pauseInAppend(bed: Bed, random: SeededRandom): Promise<void> {
  await standbyReady(bed)
  const { active, epoch } = await holderOf(bed)
  const holder = new Client({ connectionString: bed.stack.state().postgres })
  holder.on('error', () => {})
  await holder.connect()
  try {
    await holder.query('BEGIN')
    await holder.query('SELECT FROM ledger.head FOR UPDATE')
    await untilAppendWaits(bed)
    const paused = pause(active.pid, LEASE_MS + random.integer(2_000, 4_000))
    await untilEpochBeyond(bed, epoch)
    await holder.query('ROLLBACK')
    await paused
  } finally {
    await holder.end()
  }
}

async function untilAppendWaits(bed: Bed): Promise<void> {
  await until(bed, 'no append waited for the head', async () => {
    const [row] = await bed.sql<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity, ledger.lease
        WHERE pid = ANY(backend_pids) AND wait_event_type = 'Lock'`,
    )
    return row!.n > 0
  })
}

async function untilEpochBeyond(bed: Bed, epoch: number): Promise<void> {
  await until(bed, 'nobody took over from a stopped append', async () => (await epochOf(bed)) > epoch)
}

async function until(bed: Bed, failure: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + WITHIN_MS
  for (; performance.now() < deadline; await delay(50)) if (await holds()) return
  throw new Error(`${failure} within a minute (${bed.load.acknowledged} acknowledged)`)
}

// Commits go on without it; what waited is signed once it is back.
async function killSigner(bed: Bed): Promise<void> {
  const { signer } = bed.stack.pair!
  while (signer.pid === 0) await delay(20)
  const { publishedSize } = await ledgerState(bed)
  await signer.kill()
  await untilPublishedBeyond(bed, publishedSize)
}

async function restoreLedgerPair(bed: Bed, random: SeededRandom): Promise<void> {
  const postgres = bed.stack.state().postgres
  const old = await SchemaCopy.take(postgres, 'ledger')
  await untilPublishedBeyond(bed, (await ledgerState(bed)).treeSize)
  const newest = await withRoleLockedOut(postgres, 'ledger', async () => {
    const copy = await SchemaCopy.take(postgres, 'ledger')
    await old.restore()
    return copy
  })
  try {
    const before = await ledgerState(bed)
    await until(bed, 'no sequencer said rollback-detected', async () => {
      const states = await Promise.all(sequencersOf(bed).map(stateOf))
      return states.includes('rollback-detected')
    })
    await delay(random.integer(1_000, 2_500))
    expectNothingDone(bed, before, await ledgerState(bed))
  } finally {
    await withRoleLockedOut(postgres, 'ledger', () => newest.restore())
    await newest.drop()
    await old.drop()
    // Halted for good: what they know is of a database that is gone.
    for (const sequencer of sequencersOf(bed)) await sequencer.kill()
  }
}
