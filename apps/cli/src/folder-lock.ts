// One command at a time at what is read, changed and replaced. Each writes a claim of its own beside it, and has the lock
// when nobody else who lives has one: so a claim that its process left behind is removed without a race for its place.
import { isSupervisorRunning } from '@careseal/stack'
import { randomBytes, randomInt } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError, EXIT } from './exit.js'

export type LockOptions = {
  /** What the work does, for whoever waits: `changing the consumers of <folder>`. */
  what: string
  /** How long to wait for another process before that is a failure. */
  waitMs: number
  /** Hears once, after a second, for whom we wait. */
  onWait?: (line: string) => void
}

/** A process' place in /proc/<pid>/stat behind its name, which may hold spaces and parentheses. */
const START_TIME = 19
const QUIET_MS = 1_000

/**
 * Does the work while no other process, and nothing else in this one, does work under the same path. The claims are
 * `<path>.<pid>.<start of the process>.<random>`; their folder must be there. Not for work within the work.
 *
 * Throws (failure) when another has not ended after `waitMs`.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T> | T): Promise<T> {
  const claim = await claimOf(resolve(path), options)
  try {
    return await work()
  } finally {
    rmSync(claim, { force: true })
  }
}

async function claimOf(path: string, { what, waitMs, onWait }: LockOptions): Promise<string> {
  const claim = `${path}.${process.pid}.${startOf(process.pid) ?? 0}.${randomBytes(4).toString('hex')}`
  const since = performance.now()
  let isTold = false
  for (;;) {
    const holder = claimOrHolder(path, claim)
    if (holder === null) return claim
    const waited = performance.now() - since
    const who = `process ${holder} is ${what}`
    if (waited >= waitMs) {
      const seconds = Math.round(waitMs / 1000)
      throw new CliError(
        EXIT.failure,
        `${who}, and has not ended within ${seconds} s: wait for it or end it, and repeat`,
      )
    }
    if (!isTold && waited >= QUIET_MS) onWait?.(`${who}: waiting for it`)
    isTold ||= waited >= QUIET_MS
    // Two that claim at once both withdraw; chance lets one be earlier the next time.
    await sleep(randomInt(20, 80))
  }
}

/** Null when the claim stands alone; else it is withdrawn, and the process that another one is of is told. */
function claimOrHolder(path: string, claim: string): number | null {
  // Claimed before looking: of two at once at least one sees the other.
  writeFileSync(claim, '', { flag: 'wx', mode: 0o600 })
  const others = claimsAt(path).filter((other) => other !== claim)
  const living = others.find((other) => isAlive(path, other))
  for (const other of others) if (!isAlive(path, other)) rmSync(other, { force: true })
  if (living === undefined) return null
  rmSync(claim, { force: true })
  return partsOf(path, living).pid
}

function claimsAt(path: string): string[] {
  const claims = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.`))
  return claims.map((name) => join(dirname(path), name)).filter((claim) => partsOf(path, claim).pid > 0)
}

function partsOf(path: string, claim: string): { pid: number; start: string } {
  const [, pid = '0', start = ''] = /^\.([1-9]\d{0,9})\.(\d+)\.[0-9a-f]{8}$/.exec(claim.slice(path.length)) ?? []
  return { pid: Number(pid), start }
}

// The number of a process that has ended may be another's by now, but that one began at another time.
function isAlive(path: string, claim: string): boolean {
  const { pid, start } = partsOf(path, claim)
  const begun = startOf(pid)
  return isSupervisorRunning(pid) && (begun === null || begun === start)
}

/** When a process began, in ticks since the machine did; null where nobody can tell. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_TIME] ?? null
  } catch {
    return null
  }
}
