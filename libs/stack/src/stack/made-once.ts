// Folders of this user's cache that are dear to make: each is made whole by one process, and used by all. The last file
// written says that it is whole; a crash before leaves what is made anew.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { holderOf, takePidFile } from './pid-file.js'

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
    if (takePidFile(lock)) await makeUnder(lock, dir, make)
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

function removeUnused(): void {
  removeHalfMade()
  const folders = readdirSync(cacheDir()).filter((name) => existsSync(join(cacheDir(), name, WHOLE)))
  const used = folders.map((name) => ({ name, ms: statSync(join(cacheDir(), name, WHOLE)).mtimeMs }))
  const old = used.toSorted((a, b) => b.ms - a.ms).slice(KEPT_MAX)
  for (const { name, ms } of old) {
    if (Date.now() - ms > LATELY_MS) rmSync(join(cacheDir(), name), { recursive: true, force: true })
  }
}

// What a killed process left: its name holds the build, and may never come again.
function removeHalfMade(): void {
  for (const name of readdirSync(cacheDir()).filter((one) => one.endsWith('.work'))) {
    const lock = join(cacheDir(), name.replace(/\.work$/, '.lock'))
    if (holderOf(lock) !== null) continue
    rmSync(join(cacheDir(), name), { recursive: true, force: true })
    rmSync(lock, { force: true })
  }
}
