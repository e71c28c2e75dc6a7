// On what and of what a figure was measured: without it no figure means anything.
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_MS = 1_000

export type Machine = {
  cores: number
  processor: string
  memoryGiB: number
  kernel: string
  node: string
  /** Over one minute, when the benchmark began; the benchmark before it is in it. */
  loadAverage: number
  /** What others took of all cores in the second before it began. */
  busyPercent: number
}

/** Takes a second, in which the caller should do nothing. */
export async function machineNow(): Promise<Machine> {
  const busyPercent = await busyPercentNow()
  const processors = cpus()
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() || 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
    busyPercent,
  }
}

/** True when others were at work as well, so that the figures are too low. */
export function isShared({ busyPercent }: Machine): boolean {
  return busyPercent > 10
}

async function busyPercentNow(): Promise<number> {
  const before = processorTimes()
  await delay(LOOK_MS)
  const after = processorTimes()
  const total = after.total - before.total
  return total > 0 ? Math.round(100 * (1 - (after.idle - before.idle) / total)) : 0
}

function processorTimes(): { idle: number; total: number } {
  const all = cpus().map(({ times }) => times)
  const idle = all.reduce((sum, times) => sum + times.idle, 0)
  return { idle, total: all.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, idle) }
}

export type Commit = { id: string; hasLocalChanges: boolean }

/** The commit that was built; `hasLocalChanges` when code that runs differs from it. */
export function commitNow(folder: string): Commit {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout?.trim() ?? ''
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', 'apps', 'libs', 'test/performance')
  return { id: git('rev-parse', '--short=12', 'HEAD') || 'unknown', hasLocalChanges: changes !== '' }
}
