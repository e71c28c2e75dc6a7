// Consumers as processes of their own, for specs that kill them: each writes the number of an event down, a line in a file
// of the folder, before it settles it.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export class KillableConsumers {
  private readonly children: ChildProcess[] = []

  /** `script` is a file beside this one. */
  constructor(
    private readonly script: string,
    private readonly folder: string,
  ) {}

  start(...args: (string | number)[]): ChildProcess {
    const child = spawn(process.execPath, [join(import.meta.dirname, this.script), ...args.map(String)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    this.children.push(child)
    return child
  }

  /** kill -9; nothing for one that has ended. */
  async kill(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async killAll(): Promise<void> {
    await Promise.all(this.children.map((child) => this.kill(child)))
  }

  /** The numbers that any of them wrote down, in that order. */
  seen(): number[] {
    const file = join(this.folder, 'seen')
    if (!existsSync(file)) return []
    return readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(Number)
  }

  /** Each number once, ascending. */
  different(): number[] {
    return [...new Set(this.seen())].toSorted((a, b) => a - b)
  }
}

/** 1 to `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1)
}
