// An outbox filled in batches → numbered, published, in a block, signed, and known to be sealed by the producer. Once
// with the outbox full before the clock starts, once while batches keep coming.
import { measureBare } from '../measuring/bare.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation, type Observed } from '../measuring/observation.js'
import type { Roots } from '../measuring/processes.js'
import { distributionOf, ratePerSecond, rounded, type Distribution } from '../measuring/statistics.js'
import { EventWriter } from '../hosts/event-writer.js'
import { RunningStack } from '../hosts/running-stack.js'
import { untilQuiet, untilSealed } from '../hosts/sealing.js'
import type { Benchmark, BenchmarkContext, Measure } from '../result.js'

const BATCH = 500
const TARGET = 10_000

type Run = { writer: EventWriter; context: BenchmarkContext; roots: Roots }

export const benchmark: Benchmark = {
  name: 'events',
  title: 'outbox filled in batches → sealed',
  async run(context) {
    const stack = await RunningStack.start(context)
    const writer = new EventWriter(stack, { connections: 2, seed: context.seed })
    context.onEnd(() => writer.pool.end())
    const run = { writer, context, roots: { ...stack.roots, load: process.pid } }
    const [backlog, flow] = context.full ? [100_000, 100_000] : [30_000, 20_000]
    await writer.warmUp()
    await drain({ ...run, context: { ...context, profileDir: null } }, 5_000)
    const { perSecond, observed } = await drain(run, backlog)
    const flowed = await follow(run, flow)
    context.progress('bare comparison')
    const bare = await measureBare({ postgresUrl: stack.state.postgres, batchSize: BATCH, bodyBytes: writer.bodyBytes })
    const sealed: Measure = { name: 'full outbox → sealed', unit: 'events/s', value: perSecond, target: TARGET }
    return {
      parameters: { batch: BATCH, backlog, flow, bodyBytes: writer.bodyBytes, seed: context.seed, fsync: true },
      measures: [
        sealed,
        { name: 'CPU time of an event, all processes', unit: 'µs', value: microsPerEvent(observed, backlog) },
        { name: 'appended in batches and sealed at once', unit: 'events/s', value: flowed.perSecond },
      ],
      latencies: { 'batch committed → sealed': flowed.latency },
      comparisons: comparisonsOf(sealed, bare),
      ...observed,
    }
  },
}

// Batches become visible to the relay together, by one COMMIT, so that what is measured is the way from there on.
async function drain(run: Run, count: number): Promise<{ perSecond: number; observed: Observed }> {
  const { writer, context, roots } = run
  const before = await untilQuiet(writer.pool)
  const started = { at: 0 }
  let observation: Observation | undefined
  await writer.commit(async (sql) => {
    for (let done = 0; done < count; done += BATCH) {
      await writer.append(sql, Math.min(BATCH, count - done))
      if (done % 5_000 === 0) context.progress(`filling the outbox: ${done} of ${count}`)
    }
    observation = new Observation(context, roots)
    started.at = performance.now()
  })
  await untilSealed(writer.pool, before + count, (done) => context.progress(`sealed ${done - before} of ${count}`))
  const perSecond = ratePerSecond(count, performance.now() - started.at)
  return { perSecond, observed: await (observation as Observation).stop() }
}

function microsPerEvent({ processes }: Observed, count: number): number {
  return rounded((processes.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0) * 1e6) / count)
}

// Batches come one after the other, and how far they are sealed is looked at all the while.
async function follow({ writer, context }: Run, count: number): Promise<{ perSecond: number; latency: Distribution }> {
  const before = await untilQuiet(writer.pool)
  const started = performance.now()
  const committedAt: number[] = []
  const latencies: number[] = []
  const look = (done: number) => {
    const now = performance.now()
    const batches = Math.min(committedAt.length, Math.floor((done - before) / BATCH))
    for (const at of committedAt.slice(latencies.length, batches)) latencies.push(now - at)
  }
  const sealed = untilSealed(writer.pool, before + count, (done) => context.progress(`sealed ${done - before}`), look)
  for (let done = 0; done < count; done += BATCH) {
    await writer.batch(BATCH)
    committedAt.push(performance.now())
  }
  context.progress(`appended ${count} in ${Math.round(performance.now() - started)} ms`)
  await sealed
  return { perSecond: ratePerSecond(count, performance.now() - started), latency: distributionOf(latencies) }
}
