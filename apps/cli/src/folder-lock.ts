// One command at a time at what is read, changed and replaced.
import { holderOf, takePidFile } from '@careseal/stack'
import { rmSync } from 'node:fs'
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

const QUIET_MS = 1_000
const LOOK_MS = 20

/**
 * Does the work while no other process, and nothing else in this one, does work under the same path, whose folder must be
 * there. What a process left that has ended counts for nothing. Not for work within the work.
 *
 * Throws (failure) when another has not ended after `waitMs`.
 */
export async function withLock<T>(path: string, options: LockOptions, work: () => Promise<T> | T): Promise<T> {
  await take(path, options)
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

async function take(path: string, { what, waitMs, onWait }: LockOptions): Promise<void> {
  const since = performance.now()
  let isTold = false
  while (!takePidFile(path)) {
    const waited = performance.now() - since
    const who = `process ${holderOf(path) ?? 'unknown'} is ${what}`
    if (waited >= waitMs) throw new CliError(EXIT.failure, `${who}: wait for it or end it, and repeat`)
    if (!isTold && waited >= QUIET_MS) onWait?.(`${who}: waiting for it`)
    isTold ||= waited >= QUIET_MS
    await sleep(LOOK_MS)
  }
}
