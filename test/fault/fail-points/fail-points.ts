// Arms one fail point of running services, from outside, at any time.
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DurableStep } from '@careseal/durable-step'

export const MODES = ['before', 'after', 'persisted but reported as failed'] as const
export type Mode = (typeof MODES)[number]

/** Where to strike. `main` narrows it to processes whose script ends so, such as `consent/dist/main.js`. */
export type FailPoint = { step: DurableStep; mode: Mode; main?: string }

const REGISTER = join(import.meta.dirname, 'register.mjs')

/** The environment with which a service can be struck by way of `folder`, which must exist. */
export function failPointEnvironment(folder: string): Record<string, string> {
  return { NODE_OPTIONS: `--import=${REGISTER}`, CARESEAL_FAIL_POINTS: folder }
}

export class FailPoints {
  constructor(private readonly folder: string) {}

  /** The next process that comes to this step is struck, once. */
  arm(point: FailPoint): void {
    rmSync(this.file('struck.json'), { force: true })
    const next = this.file('armed.next')
    writeFileSync(next, JSON.stringify(point))
    renameSync(next, this.file('armed.json'))
  }

  /** The process that was struck. Throws when none was within `deadlineMs`. */
  async struck(deadlineMs: number): Promise<{ pid: number }> {
    for (const end = performance.now() + deadlineMs; performance.now() < end; await delay(20)) {
      if (existsSync(this.file('struck.json'))) return JSON.parse(readFileSync(this.file('struck.json'), 'utf8'))
    }
    const armed = readFileSync(this.file('armed.json'), 'utf8')
    this.disarm()
    throw new Error(`no process came to ${armed} within ${deadlineMs} ms`)
  }

  disarm(): void {
    rmSync(this.file('armed.json'), { force: true })
  }

  private file(name: string): string {
    return join(this.folder, name)
  }
}
