// Folders of this user's cache that are dear to make: each is made whole by one process, and used by all. The last file
// written says that it is whole; a crash before leaves what is made anew.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isSupervisorRunning } from './state.js'

/** Each build of a clone makes new ones: of those that nobody used lately, this many stay. */
const KEPT_MAX = 12
const LATELY_MS = 3_600_000
const WAIT_MS = 100
const WHOLE = '.whole'

/** Where they are. */
export function cacheDir(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'careseal', 'made')
}

/**
 * The path of the folder of this name, made first by `make` where it is not there; `make` fills the folder that it is
 * given. Who comes while another process makes it waits. What was not used for longest is removed when one is made.
 */
export async function madeOnce(name: string, make: (dir: string) => Promise<void>): Promise<string> {
  const dir = join(cacheDir(), name)
  const lock = `${dir}.lock`
  mkdirSync(cacheDir(), { recursive: true, mode: 0o700 })
  while (!existsSync(join(dir, WHOLE))) {
    if (take(lock)) await makeUnder(lock, dir, make)
    else await delay(WAIT_MS)
  }
  utimesSync(join(dir, WHOLE), new Date(), new Date())
  return dir
}

async function makeUnder(lock: string, dir: string, make: (dir: string) => Promise<void>): Promise<void> {
  const work = `${dir}.work`
  try {
    // Another process may have made it between the look and the lock.
    if (existsSync(join(dir, WHOLE))) return
    removeUnused()
    for (const old of [work, dir]) rmSync(old, { recursive: true, force: true })
    mkdirSync(work, { mode: 0o711 })
    await make(work)
    renameSync(work, dir)
    writeFileSync(join(dir, WHOLE), '')
  } finally {
    rmSync(work, { recursive: true, force: true })
    rmSync(lock, { force: true })
  }
}

function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (!isSupervisorRunning(holderOf(lock))) rmSync(lock, { force: true })
    return false
  }
}

function holderOf(lock: string): number {
  try {
    // Empty for the moment between its making and its writing: then it is somebody's, whose we do not know.
    return Number(readFileSync(lock, 'utf8')) || process.pid
  } catch {
    return process.pid
  }
}

function removeUnused(): void {
  const folders = readdirSync(cacheDir()).filter((name) => existsSync(join(cacheDir(), name, WHOLE)))
  const used = folders.map((name) => ({ name, ms: statSync(join(cacheDir(), name, WHOLE)).mtimeMs }))
  const old = used.toSorted((a, b) => b.ms - a.ms).slice(KEPT_MAX)
  for (const { name, ms } of old) {
    if (Date.now() - ms > LATELY_MS) rmSync(join(cacheDir(), name), { recursive: true, force: true })
  }
}
