// CPU time and memory of process trees, as Linux counts them in /proc. Elsewhere there is nothing to measure: zeros.
import { readdirSync, readFileSync } from 'node:fs'
import { rounded } from './statistics.js'

export type ProcessUse = { name: string; cpuSeconds: number; peakMemoryMiB: number }

/** Name → root of a tree. A part of another part's tree is counted as its own. */
export type Roots = Record<string, number>

const TICKS_PER_SECOND = 100
const SAMPLE_MS = 250

type Stat = { pid: number; parent: number; ticks: number }

/** Counts from construction until `stop`. Memory is what is private to the tree's processes, plus shared memory once. */
export class ProcessMeter {
  private readonly before: Map<string, number>
  private readonly peaks = new Map<string, number>()
  /** What was counted last: a process that has ended is in /proc no more. */
  private readonly last = new Map<string, number>()
  private readonly timer: NodeJS.Timeout
  private readonly roots: Roots
  private readonly startedMs = performance.now()
  private readonly history: Record<string, [seconds: number, mebibytes: number][]> = {}

  constructor(roots: Roots) {
    this.roots = roots
    this.before = ticksByName(roots)
    this.sample()
    this.timer = setInterval(() => this.sample(), SAMPLE_MS)
  }

  /** Memory of one of them over the time since construction. */
  memoryOf(name: string): [seconds: number, mebibytes: number][] {
    return this.history[name] ?? []
  }

  stop(): ProcessUse[] {
    clearInterval(this.timer)
    this.sample()
    return Object.keys(this.roots).map((name) => ({
      name,
      cpuSeconds: rounded(((this.last.get(name) ?? 0) - (this.before.get(name) ?? 0)) / TICKS_PER_SECOND),
      peakMemoryMiB: Math.round((this.peaks.get(name) ?? 0) / 1024),
    }))
  }

  private sample(): void {
    for (const [name, stats] of treesOf(this.roots)) {
      const ticks = stats.reduce((sum, stat) => sum + stat.ticks, 0)
      this.last.set(name, Math.max(this.last.get(name) ?? 0, ticks))
      const uses = stats.map(({ pid }) => memoryUseOf(pid))
      const shared = Math.max(0, ...uses.map((use) => use.shared))
      const kibibytes = uses.reduce((sum, use) => sum + use.own, shared)
      this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, kibibytes))
      const seconds = rounded((performance.now() - this.startedMs) / 1000)
      if (kibibytes > 0) (this.history[name] ??= []).push([seconds, Math.round(kibibytes / 1024)])
    }
  }
}

/** CPU seconds of a process and all below it. */
export function treeCpuSecondsOf(pid: number): number {
  return (ticksByName({ root: pid }).get('root') ?? 0) / TICKS_PER_SECOND
}

function ticksByName(roots: Roots): Map<string, number> {
  const sums = [...treesOf(roots)].map(([name, stats]) => {
    return [name, stats.reduce((sum, { ticks }) => sum + ticks, 0)] as const
  })
  return new Map(sums)
}

function treesOf(roots: Roots): Map<string, Stat[]> {
  const byParent = Map.groupBy(allStats(), ({ parent }) => parent)
  const all = new Map([...byParent.values()].flat().map((stat) => [stat.pid, stat]))
  const rootPids = new Set(Object.values(roots))
  const below = (stat: Stat): Stat[] => {
    const children = (byParent.get(stat.pid) ?? []).filter(({ pid }) => !rootPids.has(pid))
    return [stat, ...children.flatMap(below)]
  }
  return new Map(
    Object.entries(roots).map(([name, pid]) => {
      const root = all.get(pid)
      return [name, root ? below(root) : []]
    }),
  )
}

function allStats(): Stat[] {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    return pids.flatMap((pid) => statOf(Number(pid)) ?? [])
  } catch {
    return []
  }
}

// Fields behind the command, which may hold blanks: state, parent, … utime 11, stime 12, cutime 13, cstime 14.
function statOf(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return { pid, parent: Number(fields[1]), ticks }
  } catch {
    return null
  }
}

function memoryUseOf(pid: number): { own: number; shared: number } {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0)
    return { own: field('RssAnon'), shared: field('RssShmem') }
  } catch {
    return { own: 0, shared: 0 }
  }
}
