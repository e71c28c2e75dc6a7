// What `npm run bench` was asked for.
import { parseArgs } from 'node:util'

export const BENCHMARKS = [
  'import',
  'events',
  'commands',
  'decision',
  'read',
  'sequencer',
  'cosign',
  'proof',
  'verify',
  'consume',
] as const
export type BenchmarkName = (typeof BENCHMARKS)[number]

export type Asked = {
  names: BenchmarkName[]
  full: boolean
  profile: boolean
  seed: string
  /** Neither measures nor builds: makes tables and charts of the results that are there. */
  renderOnly: boolean
  /** Tells the results and writes nothing. */
  dry: boolean
}

export class Misuse extends Error {}

export const HELP = `Usage: npm run bench -- [name…] [options]

Measures this repository on this machine, next to what the machine does without a ledger.
Results go to docs/performance/<name>.json, charts beside them, tables into docs/performance.md.

Benchmarks (all of them when none is named):
  import     bundles over HTTP into a whole stack: resources/s, cold and warm
  events     an outbox filled in batches → sealed: events/s
  commands   single commands, each in a transaction of its own → sealed: events/s
  decision   access decisions asked over the broker: decisions/s and latencies
  read       GET of a resource with permit and RecordRead: requests/s and latencies
  sequencer  entries/s into blocks, sustained, and the cost of an entry as the ledger grows
  cosign     1,000 events/s until three witnesses have co-signed: latencies
  proof      inclusion proofs out of stored tiles, built and checked: latencies
  verify     an export checked from outside: entries/s and peak memory
  consume    an outside consumer, from the stream and by replay: events/s and memory

Options:
  --full       the long ones: 60 s sustained, ledgers of ten million entries
  --profile    also take CPU profiles of the measured processes (costs a few per cent)
  --seed TEXT  another load of the same kind (default careseal)
  --no-build   measure what is built already
  --dry        write no files
  --render     measure nothing: tables and charts again, of the results that are there
  --help

Examples:
  npm run bench                               everything, about fifteen minutes
  npm run bench -- sequencer --full           ten million entries
  npm run bench -- events commands --profile  with what takes the time

Close everything else first: results of a machine at work are marked provisional.
Exit codes: 0 measured, 1 a benchmark failed, 2 usage.
`

export function parseCommandLine(args: readonly string[]): Asked | 'help' {
  const { values, positionals } = parsed(args)
  if (values.help) return 'help'
  const unknown = positionals.find((name) => !isBenchmark(name))
  if (unknown !== undefined) throw new Misuse(`there is no benchmark ${unknown}: ${BENCHMARKS.join(', ')}`)
  return {
    names: positionals.length > 0 ? positionals.filter(isBenchmark) : [...BENCHMARKS],
    full: values.full ?? false,
    profile: values.profile ?? false,
    seed: values.seed ?? 'careseal',
    renderOnly: values.render ?? false,
    dry: values.dry ?? false,
  }
}

function parsed(args: readonly string[]) {
  const flag = { type: 'boolean' } as const
  const options = {
    full: flag,
    profile: flag,
    'no-build': flag,
    dry: flag,
    render: flag,
    help: { ...flag, short: 'h' },
    seed: { type: 'string' },
  } as const
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    throw new Misuse((error as Error).message)
  }
}

function isBenchmark(name: string): name is BenchmarkName {
  return (BENCHMARKS as readonly string[]).includes(name)
}
