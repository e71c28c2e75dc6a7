import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Removes a `postmaster.pid` whose process number belongs to some other program now, as happens after a restart of a
 * container: Postgres itself sees only that the number is alive, and would refuse to start for ever.
 */
export function removeStaleLock(dataDir: string): void {
  const lock = join(dataDir, 'postmaster.pid')
  const pid = Number(read(lock)?.split('\n')[0])
  if (!Number.isInteger(pid) || pid <= 0) return
  const program = read(`/proc/${pid}/comm`)?.trim()
  if (program !== undefined && program !== 'postgres') rmSync(lock, { force: true })
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
