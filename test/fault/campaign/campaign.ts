// Faults by seed over a running load, and then the question whether anything that was promised is broken.
import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { checkHistory } from '../check/check-history.js'
import { loadFacts } from '../check/load-facts.js'
import { loadWitnessed } from '../check/load-witnessed.js'
import { Check, type CheckResult } from '../check/result.js'
import { untilSealed } from '../check/until-sealed.js'
import { careseal, REPOSITORY } from '../../support/careseal.js'
import { FAULT_KINDS, type FaultCounts } from '../faults/kinds.js'
import { acknowledgedEvents } from './acknowledged-events.js'
import { scheduleOf, type Strike, type Volley } from './schedule.js'
import { takeOverCheck } from './take-overs.js'
import { TestBed, type BedOptions, type FailOver } from './test-bed.js'

export type Plan = Omit<BedOptions, 'seed' | 'sparePatients'> & {
  name: string
  faults: FaultCounts
  /** How many faults may overlap. Default 3. */
  atOnce?: number
  /** The load goes on until so many events are acknowledged. */
  eventsMin?: number
}

export type CampaignResult = {
  name: string
  seed: string
  startedAt: string
  durationSeconds: number
  counts: FaultCounts
  acknowledgedOperations: number
  acknowledgedEvents: number
  sealedWithinMs: number
  checks: CheckResult[]
  /** Empty where there was one sequencer. */
  failOvers: FailOver[]
}

export type CampaignOptions = { seed: string; log: (line: string) => void }

const SEALED_WITHIN_MS = 30_000
const SETTLED_WITHIN_MS = 180_000
const PROGRESS = 5
const LAST_LINES = 5

/** Throws when the ledger does not come back; what it then promises and breaks is in `checks`. */
export async function runCampaign(plan: Plan, { seed, log }: CampaignOptions): Promise<CampaignResult> {
  const startedAt = new Date()
  log(`${plan.name}: seed ${seed}`)
  const bed = await TestBed.create({ ...plan, seed, sparePatients: plan.faults['restore-keys'] ?? 0 })
  try {
    await bed.load.untilProgress(PROGRESS)
    const counts = await strikeAll(bed, plan, { seed, log })
    await untilEvents(bed, plan.eventsMin ?? 0)
    const { checks, sealedWithinMs } = await checkAll(bed)
    if (violationsOf({ checks }).length > 0) tellLogs(bed, plan.name, log)
    const { history } = bed.load
    return {
      name: plan.name,
      seed,
      startedAt: startedAt.toISOString(),
      durationSeconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
      counts,
      acknowledgedOperations: history.acknowledged,
      acknowledgedEvents: acknowledgedEvents(history),
      sealedWithinMs,
      checks,
      failOvers: bed.failOvers,
    }
  } catch (error) {
    tellLogs(bed, plan.name, log)
    log(`${plan.name} failed: ${(error as Error).message}`)
    throw new Error(`${plan.name} failed; repeat it with CARESEAL_FAULT_SEED=${seed}`, { cause: error })
  } finally {
    await bed.close()
  }
}

async function strikeAll(bed: TestBed, plan: Plan, { seed, log }: CampaignOptions): Promise<FaultCounts> {
  const volleys = scheduleOf(plan.faults, { seed, atOnce: plan.atOnce ?? 3 })
  const counts: FaultCounts = {}
  for (const [index, volley] of volleys.entries()) {
    const names = volley.strikes.map(({ fault }) => fault.kind).join(' + ')
    const since = performance.now()
    await strike(bed, volley).catch((error: unknown) => {
      throw new Error(`volley ${index + 1}, ${names}: ${(error as Error).message}`, { cause: error })
    })
    for (const { fault } of volley.strikes) counts[fault.kind] = (counts[fault.kind] ?? 0) + 1
    const seconds = ((performance.now() - since) / 1000).toFixed(1)
    log(`${plan.name} ${index + 1}/${volleys.length} ${names} ${seconds} s, ${bed.load.acknowledged} acknowledged`)
  }
  return counts
}

async function strike(bed: TestBed, { strikes, settles }: Volley): Promise<void> {
  await Promise.all(strikes.map((one) => strikeOne(bed, one)))
  if (settles) await settled(bed)
}

async function strikeOne(bed: TestBed, { fault, afterMs, random }: Strike): Promise<void> {
  await delay(afterMs)
  await fault.strike(bed, random)
}

/** Everything is ready and operations succeed again. */
export async function settled(bed: TestBed): Promise<void> {
  const timer = new AbortController()
  const late = delay(SETTLED_WITHIN_MS, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`the ledger does not work again ${SETTLED_WITHIN_MS / 1000} s after the fault`)
  })
  late.catch(() => {})
  try {
    await Promise.race([late, bed.stack.untilReady().then(() => bed.load.untilProgress(PROGRESS))])
  } finally {
    timer.abort()
  }
}

async function untilEvents(bed: TestBed, eventsMin: number): Promise<void> {
  while (acknowledgedEvents(bed.load.history) < eventsMin) await bed.load.untilProgress(100)
}

export async function checkAll(bed: TestBed): Promise<{ checks: CheckResult[]; sealedWithinMs: number }> {
  await bed.load.stop()
  await bed.stack.untilReady()
  const state = bed.stack.state()
  const { postgres } = state
  const sealedWithinMs = Math.round(await untilSealed(postgres, { withinMs: SEALED_WITHIN_MS }))
  const commands = [await commandCheck(bed, 'verify'), await commandCheck(bed, 'fsck')]
  const history = checkHistory(bed.load.history, await loadFacts(postgres, await loadWitnessed(state)))
  return { checks: [seen(bed), ...commands, ...history, ...takeOverCheck(bed.failOvers)], sealedWithinMs }
}

function seen({ violations, load }: TestBed): CheckResult {
  return {
    name: 'what was seen during the faults',
    invariants: [],
    checked: load.acknowledged,
    violations: [...violations],
  }
}

async function commandCheck(bed: TestBed, command: 'verify' | 'fsck'): Promise<CheckResult> {
  const check = new Check(`careseal ${command}`, [])
  const { code, stdout, stderr } = await careseal([command, '--data-dir', bed.folder])
  check.expect(code === 0, () => ({ invariant: command, what: `ends with ${code}: ${stderr}`, where: stdout }))
  return check.result()
}

export function violationsOf({ checks }: Pick<CampaignResult, 'checks'>): string[] {
  return checks.flatMap(({ violations }) =>
    violations.map(({ invariant, what, where }) => `${invariant}: ${what} (${where})`),
  )
}

/** Tells what the services called an error, and keeps all that they said: the folder of the ledger goes. */
function tellLogs(bed: TestBed, name: string, log: (line: string) => void): void {
  for (const line of errorsLogged(bed)) log(line)
  const kept = join(REPOSITORY, 'tmp', 'fault-logs', name)
  rmSync(kept, { recursive: true, force: true })
  cpSync(join(bed.folder, 'logs'), kept, { recursive: true })
  log(`all logs: ${kept}`)
}

/** What the services themselves called an error, each message once, and the last that each said. */
function errorsLogged({ stack }: TestBed): string[] {
  return Object.entries(stack.services).flatMap(([name, { logFile }]) => {
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
    const errors = lines.filter((line) => /"level":"(error|fatal)"/.test(line))
    const once = new Map(errors.map((line) => [/"message":"([^"]*)"/.exec(line)?.[1], line]))
    return [...once.values(), ...lines.slice(-LAST_LINES)].map((line) => `${name}: ${line.slice(0, 1_500)}`)
  })
}

/** One line for people: how often each kind happened. */
export function describeCounts(counts: FaultCounts): string {
  return FAULT_KINDS.flatMap((kind) => (counts[kind] ? [`${kind} ${counts[kind]}`] : [])).join(', ')
}
