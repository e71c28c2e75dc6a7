// One import at a time into a folder: a second one would remove what the first has put there and not verified yet.
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { CliError, EXIT } from '../exit.js'

export const LOCK = '.incoming.lock'

/** Who holds the lock; `begun` tells a process from a stranger that got its number later, and is null if nobody can say. */
type Holder = { host: string; pid: number; begun: string | null }

/**
 * Does the work while no other import may change the folder. A lock of a process that has ended counts for nothing.
 *
 * Throws a CliError, and does nothing, while another import is under way.
 */
export async function underImportLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = join(folder, LOCK)
  mkdirSync(folder, { recursive: true })
  if (!create(file)) {
    takeAside(folder, file)
    if (!create(file)) throw busy(folder, file, null)
  }
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

/** When a process began, in a form that no other process of this number has on this machine; null if it does not live. */
export function begunOf(pid: number): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is the name in brackets, which may hold anything; the state is the third, the start the 22nd.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : `${boot}/${fields[19]}`
  } catch {
    return null
  }
}

function create(file: string): boolean {
  const { pid } = process
  const holder: Holder = { host: hostname(), pid, begun: begunOf(pid) }
  try {
    writeFileSync(file, JSON.stringify(holder), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  }
}

// Removed in two steps: whoever found the same dead lock may have put a new one there in the meantime, which is given back.
function takeAside(folder: string, file: string): void {
  const found = read(file)
  if (found === null) return
  const holder = holderIn(found)
  if (holder === null || mayLive(holder)) throw busy(folder, file, holder)
  const aside = `${file}.${process.pid}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (read(aside) !== found) {
    renameSync(aside, file)
    throw busy(folder, file, null)
  }
  rmSync(aside)
}

// Of another machine on the same disk nobody here can say.
function mayLive({ host, pid, begun }: Holder): boolean {
  if (host !== hostname()) return true
  if (begun !== null) return begunOf(pid) === begun
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function holderIn(text: string): Holder | null {
  try {
    const { host, pid, begun } = JSON.parse(text) as Partial<Holder>
    if (typeof host !== 'string' || !Number.isSafeInteger(pid) || Number(pid) <= 0) return null
    return { host, pid: Number(pid), begun: typeof begun === 'string' ? begun : null }
  } catch {
    return null
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

function busy(folder: string, file: string, holder: Holder | null): CliError {
  const who = holder ? ` (process ${holder.pid} on ${holder.host})` : ''
  const mend = `wait for it, or remove ${file} if it does not run any more`
  return new CliError(EXIT.failure, `another import into ${folder} is under way${who}: ${mend}`)
}
