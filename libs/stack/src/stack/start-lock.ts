// One start at a time on a data folder: two NATS servers on one store would ruin it before Postgres refuses the second.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { DataDir } from './data-dir.js'
import { isSupervisorRunning } from './state.js'

const FILE = 'starting.pid'

/**
 * Runs `start` while this process alone may start something on the folder; a lock of a dead process counts for nothing.
 *
 * Throws, and starts nothing, when another start is under way.
 */
export async function underStartLock<T>(dataDir: DataDir, start: () => Promise<T>): Promise<T> {
  const file = dataDir.path(FILE)
  if (!create(file)) {
    const pid = holderOf(file)
    if (pid !== null && isSupervisorRunning(pid)) {
      throw new Error(`a ledger is being started on ${dataDir.root} already (process ${pid}): wait for it, or end it`)
    }
    rmSync(file, { force: true })
    if (!create(file)) throw new Error(`a ledger is being started on ${dataDir.root} already: wait for it`)
  }
  try {
    return await start()
  } finally {
    rmSync(file, { force: true })
  }
}

function create(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

function holderOf(file: string): number | null {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : null
  } catch {
    return null
  }
}
