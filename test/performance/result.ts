// What a benchmark leaves behind: docs/performance/<name>.json has this form, table and charts are made of it alone.
import type { Bare } from './measuring/bare.js'
import type { Commit, Machine } from './measuring/machine.js'
import type { ProcessUse } from './measuring/processes.js'
import type { ProfiledProcess } from './measuring/profile.js'
import type { Distribution } from './measuring/statistics.js'

/** `target` is the issue's; with `atMost` less is better. */
export type Measure = { name: string; unit: string; value: number; target?: number; atMost?: true }

/** `ratio` is a measure's part of a bare operation's rate. */
export type Comparison = Bare & { measure: string; ratio: number | null }

/** With `isLog` a chart gives every tenfold of x the same room. */
export type Series = { name: string; x: string; y: string; points: [x: number, y: number][]; isLog?: true }

/** What a benchmark itself finds out. Latencies in milliseconds. */
export type Outcome = {
  parameters: Record<string, string | number | boolean>
  measures: Measure[]
  latencies?: Record<string, Distribution>
  comparisons: Comparison[]
  processes: ProcessUse[]
  profile?: ProfiledProcess[]
  series?: Series[]
}

export type Result = {
  name: string
  title: string
  date: string
  commit: Commit
  /** Others were at work on the machine: run it again when it is quiet. */
  provisional: boolean
  full: boolean
  seconds: number
  machine: Machine
} & Outcome

export type BenchmarkContext = {
  full: boolean
  seed: string
  /** A folder for CPU profiles of the measured processes, or null. */
  profileDir: string | null
  progress: (text: string) => void
  /** Run in reverse order when the benchmark ends, however it ends. */
  onEnd: (close: () => Promise<void> | void) => void
}

export type Benchmark = {
  name: string
  title: string
  run: (context: BenchmarkContext) => Promise<Outcome>
}
