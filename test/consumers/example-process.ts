// A program of apps/examples as its user runs it: built, in a process of its own, told everything by its environment.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAMS = join(import.meta.dirname, '..', '..', 'apps', 'examples', 'dist')
const READY_MS = 90_000
const LOOK_MS = 100

export type Ended = { code: number | null; stdout: string; stderr: string }

export class ExampleProcess implements AsyncDisposable {
  private stdout = ''
  private stderr = ''
  private readonly child: ChildProcess

  constructor(program: string, { env, args = [] }: { env: Record<string, string>; args?: string[] }) {
    this.child = spawn(process.execPath, [join(PROGRAMS, program, 'main.js'), ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.on('data', (chunk: Buffer) => (this.stdout += chunk.toString()))
    this.child.stderr?.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
  }

  /** What stands in the first group of a line on stdout, once it is there. */
  async says(pattern: RegExp): Promise<string> {
    const giveUpAt = performance.now() + READY_MS
    for (;;) {
      const found = pattern.exec(this.stdout)
      if (found) return found[1] ?? found[0]
      if (this.hasEnded() || performance.now() > giveUpAt) throw new Error(`it never said ${pattern}: ${this.stderr}`)
      await sleep(LOOK_MS)
    }
  }

  async end(): Promise<Ended> {
    if (!this.hasEnded()) await once(this.child, 'close')
    return { code: this.child.exitCode, stdout: this.stdout, stderr: this.stderr }
  }

  /** kill -9. */
  async kill(): Promise<void> {
    if (this.hasEnded()) return
    this.child.kill('SIGKILL')
    await once(this.child, 'exit')
  }

  /** In order, by SIGTERM. */
  async stop(): Promise<Ended> {
    this.child.kill('SIGTERM')
    return this.end()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  private hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }
}
