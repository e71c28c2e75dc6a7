// On what and of what a figure was measured: without it no figure means anything.
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

export type Machine = {
  cores: number
  processor: string
  memoryGiB: number
  kernel: string
  node: string
  /** Over one minute, when the benchmark began. */
  loadAverage: number
}

export function machineNow(): Machine {
  const processors = cpus()
  return {
    cores: processors.length,
    processor: processors[0]?.model.trim() || 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}

/** True when others were at work as well, so that the figures are too low. */
export function isShared({ loadAverage, cores }: Machine): boolean {
  return loadAverage > cores / 4
}

export type Commit = { id: string; hasLocalChanges: boolean }

/** The commit that was built; `hasLocalChanges` when code that runs differs from it. */
export function commitNow(folder: string): Commit {
  const git = (...args: string[]) => spawnSync('git', args, { cwd: folder, encoding: 'utf8' }).stdout?.trim() ?? ''
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', 'apps', 'libs', 'test/performance')
  return { id: git('rev-parse', '--short=12', 'HEAD') || 'unknown', hasLocalChanges: changes !== '' }
}
