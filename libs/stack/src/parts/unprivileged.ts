// Postgres refuses to run as root, so root starts it as nobody. Where a folder on the way is closed to others (a clone
// in /root), nobody keeps the one capability it needs to walk there, through setpriv.
import { chownSync, existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { startChild, type Child, type ChildOptions } from './child.js'

const NOBODY = 65_534
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv']

/** True when this process must not run Postgres under its own user. */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Gives a folder to the user that Postgres runs as; nothing to do for anybody but root. */
export function giveToNobody(dir: string): void {
  if (isRoot()) chownSync(dir, NOBODY, NOBODY)
}

/** Starts a program as nobody when root calls, else as the caller. `reach` are the paths it must be able to open. */
export function startUnprivileged(
  command: string,
  args: string[],
  options: ChildOptions & { reach: string[] },
): Promise<Child> {
  const { reach, ...childOptions } = options
  if (!isRoot()) return startChild(command, args, childOptions)
  if ([command, ...reach].every(isOpenToOthers)) {
    return startChild(command, args, { ...childOptions, uid: NOBODY, gid: NOBODY })
  }
  const setpriv = SETPRIV.find((path) => existsSync(path))
  if (!setpriv) {
    throw new Error(
      `Postgres runs as nobody here, who cannot enter ${closedFolder([command, ...reach])}: move the repository or choose --data-dir elsewhere`,
    )
  }
  return startChild(setpriv, [...keepOneCapability(), command, ...args], childOptions)
}

function keepOneCapability(): string[] {
  const capability = '+dac_override'
  return [
    `--reuid=${NOBODY}`,
    `--regid=${NOBODY}`,
    '--clear-groups',
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
  ]
}

function isOpenToOthers(path: string): boolean {
  return closedFolder([path]) === null
}

function closedFolder(paths: string[]): string | null {
  for (const path of paths) {
    for (let dir = dirname(path); ; dir = dirname(dir)) {
      if ((statSync(dir).mode & 0o001) === 0) return dir
      if (dir === dirname(dir)) break
    }
  }
  return null
}
