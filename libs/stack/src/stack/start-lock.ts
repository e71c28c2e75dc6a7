// One start at a time on a data folder: two NATS servers on one store would ruin it before Postgres refuses the second.
import { rmSync } from 'node:fs'
import type { DataDir } from './data-dir.js'
import { holderOf, takePidFile } from './pid-file.js'

const FILE = 'starting.pid'

/**
 * Runs `start` while this process alone may start something on the folder; a lock of a dead process counts for nothing.
 *
 * Throws, and starts nothing, when another start is under way.
 */
export async function underStartLock<T>(dataDir: DataDir, start: () => Promise<T>): Promise<T> {
  const file = dataDir.path(FILE)
  if (!takePidFile(file)) {
    const who = `process ${startingProcess(dataDir) ?? 'unknown'}`
    throw new Error(`a ledger is being started on ${dataDir.root} already (${who}): wait for it, or end it`)
  }
  try {
    return await start()
  } finally {
    rmSync(file, { force: true })
  }
}

/** Who starts, recovers or administers the folder's ledger at this moment; null where nobody does. */
export function startingProcess(dataDir: DataDir): number | null {
  return holderOf(dataDir.path(FILE))
}
