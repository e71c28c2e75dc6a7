// Where an import puts what it has not verified yet: beside the copy, in a folder of its own that does not outlive it.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { CliError, EXIT } from '../exit.js'
import { writePublic } from './public-file.js'

export const INCOMING = '.incoming'

export class Incoming {
  private readonly root: string

  /** What an import that was ended by force has left is removed: to be made under the import lock alone. */
  constructor(private readonly folder: string) {
    this.root = join(folder, INCOMING)
    this.remove()
  }

  // Not durable: after a crash it is removed, whatever it holds.
  put(path: string, bytes: Uint8Array): void {
    const file = join(this.root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes)
  }

  /**
   * Takes everything over into the copy. Throws (verification), and takes nothing, where the copy holds other bytes.
   *
   * If we crash here, the copy holds a part of what was verified, and a repeat adds the rest.
   */
  async takeOver(onProgress: (step: 'files compared' | 'files taken over', done: number, total: number) => void) {
    const paths = this.paths()
    for (const [index, path] of paths.entries()) {
      this.requireSame(path)
      onProgress('files compared', index + 1, paths.length)
      await othersTurn()
    }
    for (const [index, path] of paths.entries()) {
      this.take(path)
      onProgress('files taken over', index + 1, paths.length)
      await othersTurn()
    }
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }

  private take(path: string): void {
    const target = join(this.folder, path)
    if (!existsSync(target)) writePublic(target, readFileSync(join(this.root, path)))
    // What was partial and is full now is of no use to anybody.
    rmSync(`${target}.p`, { recursive: true, force: true })
  }

  private requireSame(path: string): void {
    const held = join(this.folder, path)
    if (!existsSync(held) || readFileSync(held).equals(readFileSync(join(this.root, path)))) return
    const mend = 'remove it if it is damaged, or name an empty folder'
    throw new CliError(EXIT.verification, `${held} is not what the verified entries make, and stays as it is: ${mend}`)
  }

  private paths(): string[] {
    const files = readdirSync(this.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    return files.map((entry) => join(entry.parentPath, entry.name).slice(this.root.length + 1))
  }
}
