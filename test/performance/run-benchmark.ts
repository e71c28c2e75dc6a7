// One benchmark from its first process to its last: whatever happens, nothing of it is left running.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { commitNow, isShared, machineNow } from './measuring/machine.js'
import type { Benchmark, BenchmarkContext, Outcome, Result } from './result.js'

export type RunOptions = { full: boolean; profile: boolean; seed: string; signal: AbortSignal }

const REPOSITORY = join(import.meta.dirname, '..', '..')

/** The result, or null after it failed and said why on stderr. */
export async function runBenchmark(benchmark: Benchmark, options: RunOptions): Promise<Result | null> {
  const say = (text: string) => process.stderr.write(`bench ${benchmark.name}: ${text}\n`)
  const machine = await machineNow()
  if (isShared(machine)) say(`others take ${machine.busyPercent} % of the machine: figures are provisional`)
  const profileDir = options.profile ? mkdtempSync(join(tmpdir(), 'careseal-profile-')) : null
  const started = performance.now()
  try {
    const outcome = await measure(benchmark, { ...options, profileDir, say })
    const result: Result = {
      name: benchmark.name,
      title: benchmark.title,
      date: new Date().toISOString(),
      commit: commitNow(REPOSITORY),
      provisional: isShared(machine),
      full: options.full,
      seconds: Math.round((performance.now() - started) / 1000),
      machine,
      ...outcome,
    }
    for (const { name, value, unit } of result.measures) say(`${name}: ${value} ${unit}`)
    return result
  } catch (error) {
    say(options.signal.aborted ? 'stopped' : `failed: ${(error as Error).stack ?? String(error)}`)
    return null
  } finally {
    if (profileDir) rmSync(profileDir, { recursive: true, force: true })
  }
}

type MeasureOptions = RunOptions & { profileDir: string | null; say: (text: string) => void }

async function measure(benchmark: Benchmark, options: MeasureOptions): Promise<Outcome> {
  const closers: (() => Promise<void> | void)[] = []
  const context: BenchmarkContext = {
    full: options.full,
    seed: options.seed,
    profileDir: options.profileDir,
    progress: options.say,
    onEnd: (close) => void closers.push(close),
  }
  try {
    return await Promise.race([benchmark.run(context), aborted(options.signal)])
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('stopped')), { once: true })
    if (signal.aborted) reject(new Error('stopped'))
  })
}
