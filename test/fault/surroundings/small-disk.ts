// A file system of its own for one folder, so small that it can be filled up.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive, run, tryToRun } from './command.js'

const BALLAST = 'ballast'

export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Mounts it on a new folder, readable by its owner alone. */
  static async mount(folder: string, { bytes }: { bytes: number }): Promise<SmallDisk> {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    await run('mount', '-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'careseal-fault', folder)
    return new SmallDisk(folder)
  }

  /** Writes until there is no room left. */
  fill(): void {
    const file = openSync(join(this.folder, BALLAST), 'a', 0o600)
    try {
      for (const size of [65_536, 4096, 1]) fillWith(file, Buffer.alloc(size))
    } finally {
      closeSync(file)
    }
  }

  empty(): void {
    rmSync(join(this.folder, BALLAST), { force: true })
  }

  async unmount(): Promise<void> {
    await tryToRun('umount', '-l', this.folder)
  }
}

/** Unmounts what a run that died left mounted: the folder's path names its process, as `careseal-fault-<pid>-…`. */
export async function unmountLeftovers(): Promise<void> {
  const mounts = readFileSync('/proc/mounts', 'utf8').matchAll(/^careseal-fault (\S+careseal-fault-(\d+)-\S+) /gm)
  for (const [, folder = '', pid] of mounts) if (!isAlive(Number(pid))) await tryToRun('umount', '-l', folder)
}

function fillWith(file: number, piece: Buffer): void {
  try {
    while (writeSync(file, piece) === piece.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}
