// Entries into blocks, sustained, from an in-process producer; and whether an entry costs the same in a large ledger.
import { measureBarePostgres, type Bare } from '../measuring/bare.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import type { Roots } from '../measuring/processes.js'
import { distributionOf, flatness, ratePerSecond, ratio, rounded, type Distribution } from '../measuring/statistics.js'
import { HostProcess } from '../hosts/child-host.js'
import type { Mark, SequencerReport, SequencerRun } from '../hosts/sequencer.host.js'
import type { Benchmark, BenchmarkContext, Measure, Series } from '../result.js'

const TARGET = 50_000
const TARGET_OF_COPY = 0.4
/** As many entries as a full block has. */
const BATCH = 4_096
const PARTS = 5
const MARK_ENTRIES_MIN = 25_000
/** A ledger that is measured holds so many entries before. */
const WARM_UP = { entries: 100_000, durationMsMin: 0, durationMsMax: 60_000 }
const SHORT = { entries: 1_000_000, durationMsMin: 0, durationMsMax: 60_000 }
const LONG = { entries: 10_000_000, durationMsMin: 60_000, durationMsMax: 20 * 60_000 }

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
    context.progress('warming up')
    await host.call<SequencerReport>('run', { ...WARM_UP, seed: context.seed } satisfies SequencerRun)
    const run: SequencerRun = { ...(context.full ? LONG : SHORT), seed: context.seed }
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
      latencies: latenciesOf(report),
      comparisons: comparisonsOf(sealed, rates),
      ...measured,
      series: seriesOf(report),
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

function parametersOf({ sizeBefore, sealed, sealedMs, blocks }: SequencerReport) {
  const seconds = Math.round(sealedMs / 1000)
  return { entriesBefore: sizeBefore, entries: sealed, seconds, blocks, entriesPerBlockMax: BATCH, fsync: true }
}

function latenciesOf({ latencies }: SequencerReport): Record<string, Distribution> {
  const measured = Object.entries(latencies).filter(([, values]) => values.length > 0)
  return Object.fromEntries(measured.map(([name, values]) => [name, distributionOf(values)]))
}

function measuresOf(report: SequencerReport, { sealed, rates }: { sealed: Measure; rates: Bare[] }): Measure[] {
  const part = (place: number) => ratio(sealed.value, rates[place]?.value ?? 0) ?? 0
  return [
    { name: 'part of the bare COPY', unit: '', value: part(0), target: TARGET_OF_COPY },
    { name: 'part of the COPY into a table with a key', unit: '', value: part(1) },
    { name: 'part of the COPY with 300-byte bodies in the rows', unit: '', value: part(3) },
    { name: 'sealed and signed', unit: 'entries/s', value: ratePerSecond(report.sealed, report.signedMs) },
    ...costsOf(report.marks),
    { name: 'dearest fifth of the ledger ÷ cheapest, CPU', unit: '', value: flatness(costsByPart(report.marks)) },
  ]
}

function costsOf(marks: readonly Mark[]): Measure[] {
  const [first, last] = [marks[0], marks.at(-1)]
  if (!first || !last) return []
  const costs = [
    ['sequencer', (mark: Mark) => mark.cpuMicros],
    ['Postgres', (mark: Mark) => mark.postgresMicros],
    ['the load, a thread of its own', (mark: Mark) => mark.producerMicros],
  ] as const
  return costs.map(([who, of]) => ({
    name: `CPU time of an entry, ${who}`,
    unit: 'µs',
    value: costBetween(first, last, of),
  }))
}

// A part holds several checkpoints, whose re-reading makes a saw otherwise.
function costsByPart(marks: readonly Mark[]): number[] {
  const grown = marks.filter(({ entries }, place) => entries > (marks[place - 1]?.entries ?? -1))
  const parts = Math.min(PARTS, grown.length - 1)
  const places = Array.from({ length: parts + 1 }, (_, n) => Math.round((n * (grown.length - 1)) / parts))
  return places.slice(1).map((place, n) => costBetween(grown[places[n] as number] as Mark, grown[place] as Mark, cpuOf))
}

function cpuOf({ cpuMicros, postgresMicros }: Mark): number {
  return cpuMicros + postgresMicros
}

function costBetween(from: Mark, to: Mark, of: (mark: Mark) => number): number {
  return rounded((of(to) - of(from)) / (to.entries - from.entries))
}

function seriesOf({ marks, sizeBefore }: SequencerReport): Series[] {
  const points = (of: (mark: Mark) => number): [number, number][] =>
    marks.slice(1).flatMap((mark, place) => {
      const last = marks[place] as Mark
      // The last mark may be few entries behind the one before it.
      return mark.entries - last.entries < MARK_ENTRIES_MIN
        ? []
        : [[sizeBefore + mark.entries, costBetween(last, mark, of)]]
    })
  const axes = { x: 'entries in the ledger', y: 'µs per entry', isLog: true as const }
  return [
    { name: 'CPU, both', ...axes, points: points(cpuOf) },
    { name: 'elapsed', ...axes, points: points((mark) => mark.ms * 1000) },
    { name: 'CPU, Postgres', ...axes, points: points((mark) => mark.postgresMicros) },
  ]
}
