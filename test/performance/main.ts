// Runs the benchmarks that were asked for, one after the other, and writes down what each has found.
import { HELP, Misuse, parseCommandLine, type Asked, type BenchmarkName } from './command-line.js'
import type { Benchmark } from './result.js'

// Loaded when it is their turn: help needs nothing built.
const LOADERS: Record<BenchmarkName, () => Promise<{ benchmark: Benchmark }>> = {
  import: () => import('./benchmarks/import.js'),
  events: () => import('./benchmarks/events.js'),
  commands: () => import('./benchmarks/commands.js'),
  decision: () => import('./benchmarks/decision.js'),
  read: () => import('./benchmarks/read.js'),
  sequencer: () => import('./benchmarks/sequencer.js'),
  cosign: () => import('./benchmarks/cosign.js'),
  proof: () => import('./benchmarks/proof.js'),
  verify: () => import('./benchmarks/verify.js'),
  consume: () => import('./benchmarks/consume.js'),
}

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())

try {
  const asked = parseCommandLine(process.argv.slice(2))
  if (asked === 'help') process.stdout.write(HELP)
  else process.exitCode = await measureAll(asked)
} catch (error) {
  if (!(error instanceof Misuse)) throw error
  process.stderr.write(`bench: ${error.message}\nSee npm run bench -- --help\n`)
  process.exitCode = 2
}

async function measureAll(asked: Asked): Promise<number> {
  const { runBenchmark } = await import('./run-benchmark.js')
  const { saveResult, renderDocument } = await import('./rendering/documents.js')
  let failures = 0
  for (const name of asked.renderOnly ? [] : asked.names) {
    if (stopping.signal.aborted) return 130
    const { benchmark } = await LOADERS[name]()
    const result = await runBenchmark(benchmark, { ...asked, signal: stopping.signal })
    if (!result) failures += 1
    else if (asked.dry) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
    else await saveResult(result)
  }
  if (!asked.dry) await renderDocument()
  if (stopping.signal.aborted) return 130
  return failures > 0 ? 1 : 0
}
