// Entries into blocks, sustained, from an in-process producer; and whether an entry costs the same in a large ledger.
import { measureBarePostgres, type Bare } from '../measuring/bare.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import type { Roots } from '../measuring/processes.js'
import { flatness, ratePerSecond, ratio, rounded } from '../measuring/statistics.js'
import { HostProcess } from '../hosts/child-host.js'
import type { Mark, SequencerReport, SequencerRun } from '../hosts/sequencer.host.js'
import type { Benchmark, BenchmarkContext, Measure, Series } from '../result.js'

const TARGET = 50_000
const TARGET_OF_COPY = 0.4
/** As many entries as a full block has. */
const BATCH = 4_096
const PARTS = 5

export const benchmark: Benchmark = {
  name: 'sequencer',
  title: 'entries into blocks, sustained',
  async run(context) {
    const { host, roots, postgresUrl } = await start(context)
    const bare = async () => [
      ...(await measureBarePostgres({ postgresUrl, batchSize: BATCH, bodyBytes: 0 })),
      ...(await withBodies(postgresUrl)),
    ]
    context.progress('bare comparison, before')
    const before = await bare()
    const run: SequencerRun = context.full
      ? { entries: 10_000_000, durationMsMax: 20 * 60_000, seed: context.seed }
      : { entries: 1_000_000, durationMsMax: 60_000, seed: context.seed }
    const observation = new Observation(context, roots)
    const report = await host.call<SequencerReport>('run', run)
    const measured = await observation.stop()
    context.progress('bare comparison, after')
    const rates = meansOf(before, await bare())
    const sealed: Measure = {
      name: 'sealed, sustained',
      unit: 'entries/s',
      value: ratePerSecond(report.sealed, report.sealedMs),
      target: TARGET,
    }
    return {
      parameters: parametersOf(report),
      measures: [sealed, ...measuresOf(report, { sealed, rates })],
      comparisons: comparisonsOf(sealed, rates),
      ...measured,
      series: seriesOf(report.marks),
    }
  },
}

/** The rows as they would be if the ledger kept bodies. */
async function withBodies(postgresUrl: string): Promise<Bare[]> {
  const [copy] = await measureBarePostgres({ postgresUrl, batchSize: BATCH, bodyBytes: 300 })
  return copy ? [{ ...copy, name: `${copy.name}, 300-byte bodies in the rows` }] : []
}

async function start(context: BenchmarkContext) {
  const onNote = (text: unknown) => context.progress(String(text))
  const host = new HostProcess('sequencer.host.ts', { profileDir: context.profileDir, onNote })
  context.onEnd(() => host.stop())
  const { roots, postgresUrl } = await host.call<{ roots: Roots; postgresUrl: string }>('start')
  return { host, roots, postgresUrl }
}

// Measured before and after, for the machine may have had other work in between.
function meansOf(before: readonly Bare[], after: readonly Bare[]): Bare[] {
  return before.map((bare, place) => ({ ...bare, value: rounded((bare.value + (after[place]?.value ?? 0)) / 2) }))
}

function parametersOf({ sealed, sealedMs, blocks }: SequencerReport) {
  return { entries: sealed, seconds: Math.round(sealedMs / 1000), blocks, entriesPerBlockMax: BATCH, fsync: true }
}

function measuresOf(report: SequencerReport, { sealed, rates }: { sealed: Measure; rates: Bare[] }): Measure[] {
  const part = (place: number) => ratio(sealed.value, rates[place]?.value ?? 0) ?? 0
  return [
    { name: 'part of the bare COPY', unit: '', value: part(0), target: TARGET_OF_COPY },
    { name: 'part of the COPY into a table with a key', unit: '', value: part(1) },
    { name: 'part of the COPY with 300-byte bodies in the rows', unit: '', value: part(3) },
    { name: 'sealed and signed', unit: 'entries/s', value: ratePerSecond(report.sealed, report.signedMs) },
    { name: 'sealed per CPU second of sequencer and Postgres', unit: 'entries', value: perCpuSecond(report.marks) },
    { name: 'dearest fifth of the ledger ÷ cheapest, CPU', unit: '', value: flatness(costsByPart(report.marks)) },
  ]
}

function perCpuSecond(marks: readonly Mark[]): number {
  const last = marks.at(-1)
  return last ? rounded((last.entries * 1e6) / (last.cpuMicros + last.postgresMicros)) : 0
}

// The first tenth is compiled while it runs. A part holds several checkpoints, whose re-reading makes a saw otherwise.
function costsByPart(marks: readonly Mark[]): number[] {
  const warm = marks.slice(Math.ceil(marks.length / 10))
  const places = Array.from({ length: PARTS + 1 }, (_, n) => Math.round((n * (warm.length - 1)) / PARTS))
  return places.slice(1).map((place, n) => costBetween(warm[places[n] as number] as Mark, warm[place] as Mark, cpuOf))
}

function cpuOf({ cpuMicros, postgresMicros }: Mark): number {
  return cpuMicros + postgresMicros
}

function costBetween(from: Mark, to: Mark, of: (mark: Mark) => number): number {
  return rounded((of(to) - of(from)) / (to.entries - from.entries))
}

function seriesOf(marks: readonly Mark[]): Series[] {
  const least = (marks.at(-1)?.entries ?? 0) / 50
  const points = (of: (mark: Mark) => number): [number, number][] =>
    marks.slice(1).flatMap((mark, place) => {
      const last = marks[place] as Mark
      // The last mark may be few entries behind the one before it.
      return mark.entries - last.entries < least ? [] : [[mark.entries, costBetween(last, mark, of)]]
    })
  const axes = { x: 'entries in the ledger', y: 'µs per entry' }
  return [
    { name: 'CPU, both', ...axes, points: points(cpuOf) },
    { name: 'elapsed', ...axes, points: points((mark) => mark.ms * 1000) },
    { name: 'CPU, Postgres', ...axes, points: points((mark) => mark.postgresMicros) },
  ]
}
