// Files that name a process, so that others leave alone what it holds while it runs. A number alone would not do: after a
// power cut or in the next container another process bears it. It is named with when it began, too.
import { randomBytes } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** The place of the start time in /proc/<pid>/stat behind the name, which may hold spaces and parentheses. */
const START_TIME = 19
const BOOT_ID = '/proc/sys/kernel/random/boot_id'

/**
 * What tells a process from every other that has its number: the run of the machine, and the ticks since that began.
 * Null where nobody can tell.
 */
export function startOf(pid: number): string | null {
  try {
    return `${readFileSync(BOOT_ID, 'utf8').trim()}/${statOf(pid)[START_TIME]}`
  } catch {
    return null
  }
}

/** False for a process that is gone, also where nobody collects the dead, and for another than the one that began then. */
export function isRunning(pid: number, start: string | null = null): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !isDead(pid) && (start === null || [null, start].includes(startOf(pid)))
}

/** Writes down that this process has the file; false where another one that runs has it, or this one already. */
export function takePidFile(file: string): boolean {
  if (create(file)) return true
  const found = contentOf(file)
  if (holderIn(found) !== null) return false
  takeAside(file, found)
  return create(file)
}

/** The process that has the file and runs; null where none does. */
export function holderOf(file: string): number | null {
  return holderIn(contentOf(file))
}

function holderIn(content: string): number | null {
  const [pid = '', start] = content.split(' ')
  return /^[1-9]\d*$/.test(pid) && isRunning(Number(pid), start) ? Number(pid) : null
}

/** Empty where there is no such file. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

// Whoever found the same file of a dead process may have taken it meanwhile: then it is given back.
function takeAside(file: string, found: string): void {
  const aside = nameBeside(file)
  try {
    renameSync(file, aside)
    if (contentOf(aside) !== found) linkSync(aside, file)
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(String((error as NodeJS.ErrnoException).code))) throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

// Linked into its place with its content: a full disk or a power cut leaves no file that names nobody.
function create(file: string): boolean {
  const whole = nameBeside(file)
  try {
    writeFileSync(whole, [process.pid, startOf(process.pid) ?? ''].join(' ').trim(), { flag: 'wx', mode: 0o600 })
    linkSync(whole, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return false
  } finally {
    rmSync(whole, { force: true })
  }
}

const nameBeside = (file: string) => `${file}.${process.pid}.${randomBytes(4).toString('hex')}`

function isDead(pid: number): boolean {
  try {
    return statOf(pid)[0] === 'Z'
  } catch {
    return false
  }
}

/** The fields of proc_pid_stat(5) from the state on. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
