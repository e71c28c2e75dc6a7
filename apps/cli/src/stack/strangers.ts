// What a ledger wrote down of its process outlives a power cut, and the number may be that of any other process by then.
import { readRunningState, type DataDir } from '@careseal/stack'
import { readdirSync, readFileSync, statSync } from 'node:fs'

const [STATE, STARTING] = ['state.json', 'starting.pid']
/** Clocks are set, and `ps` counts in hundredths: nobody is a stranger for less. */
const SLACK_MS = 5_000
const TICKS_PER_SECOND = 100

/**
 * Forgets who runs or starts the folder's ledger where that process began only after it was written down. One below
 * which something works on the folder is never forgotten, whatever the clocks say.
 */
export function forgetStrangers(dataDir: DataDir): void {
  const state = readRunningState(dataDir)
  if (state !== null && isStranger(state.pid, Date.parse(state.startedAt), dataDir.root)) dataDir.remove(STATE)
  const starting = startingProcess(dataDir)
  if (starting !== null && isStranger(starting.pid, starting.since, dataDir.root)) dataDir.remove(STARTING)
}

/** Who starts, recovers or administers the folder's ledger, or did when its machine went down. */
export function startingProcess(dataDir: DataDir): { pid: number; since: number } | null {
  try {
    const file = dataDir.path(STARTING)
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? { pid, since: statSync(file).mtimeMs } : null
  } catch {
    return null
  }
}

function isStranger(pid: number, writtenAt: number, root: string): boolean {
  const startedAt = startOf(pid)
  return startedAt !== null && startedAt > writtenAt + SLACK_MS && !worksOn(pid, root)
}

/** When a process began, in milliseconds since 1970; null where that cannot be told. */
function startOf(pid: number): number | null {
  const ticks = Number(statOf(pid)[19])
  const uptimeSeconds = Number.parseFloat(read('/proc/uptime'))
  const ageMs = (uptimeSeconds - ticks / TICKS_PER_SECOND) * 1000
  return Number.isFinite(ageMs) ? Date.now() - ageMs : null
}

// A supervisor's servers are its children, and are told their folders.
function worksOn(pid: number, root: string): boolean {
  const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return others.some((name) => statOf(Number(name))[1] === String(pid) && read(`/proc/${name}/cmdline`).includes(root))
}

// The fields of proc_pid_stat(5) from the state on; the name before it may hold anything.
function statOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
