// From the COMMIT of an event to a published checkpoint over it that three witnesses have co-signed, at a steady load.
import { setTimeout as delay } from 'node:timers/promises'
import { EventWriter } from '../hosts/event-writer.js'
import { CosignedWatch, waits } from '../hosts/cosigned-watch.js'
import { RunningStack } from '../hosts/running-stack.js'
import { untilQuiet } from '../hosts/sealing.js'
import { Observation } from '../measuring/observation.js'
import { distributionOf, ratePerSecond, type Distribution } from '../measuring/statistics.js'
import type { Benchmark, Measure } from '../result.js'

const PER_SECOND = 1_000
const BATCH = 10
const WITNESSES = 3
const QUORUM = 2
const WARM_UP_MS = 3_000
const P50_MS_MAX = 300
const P99_MS_MAX = 1_000

export const benchmark: Benchmark = {
  name: 'cosign',
  title: 'accepted → co-signed by three witnesses',
  async run(context) {
    const stack = await RunningStack.start(context, {}, WITNESSES)
    const writer = new EventWriter(stack, { connections: 2, seed: context.seed })
    context.onEnd(() => writer.pool.end())
    await writer.warmUp()
    const base = await untilQuiet(writer.pool)
    const ledger = stack.pool('ledger', 1)
    context.onEnd(() => ledger.end())
    const watch = new CosignedWatch(ledger, 'records')
    const warm = await steadily(writer, { durationMs: WARM_UP_MS, from: base })
    const durationMs = context.full ? 60_000 : 15_000
    context.progress(`${PER_SECOND} events/s for ${durationMs / 1000} s`)
    const observation = new Observation(context, { ...stack.roots, load: process.pid })
    const started = performance.now()
    const commits = await steadily(writer, { durationMs, from: warm.at(-1)?.seq ?? base })
    const value = ratePerSecond(commits.length * BATCH, performance.now() - started)
    const measured = await observation.stop()
    await watch.until(commits.at(-1)?.seq ?? 0, WITNESSES)
    await watch.stop()
    const latencies = {
      'COMMIT until co-signed by the quorum of two': distributionOf(waits(commits, watch.seen, QUORUM)),
      'COMMIT until co-signed by three': distributionOf(waits(commits, watch.seen, WITNESSES)),
    }
    return {
      parameters: { eventsPerSecond: PER_SECOND, batch: BATCH, seconds: durationMs / 1000, witnesses: WITNESSES },
      measures: [{ name: 'events committed', unit: 'events/s', value }, ...measuresOf(latencies)],
      latencies,
      comparisons: [],
      ...measured,
    }
  },
}

type Commit = { at: number; seq: number }

/** Commits at the times of a plan, whatever became of those before; late ones follow at once. */
async function steadily(writer: EventWriter, run: { durationMs: number; from: number }): Promise<Commit[]> {
  const commits: Commit[] = []
  const started = performance.now()
  const count = (run.durationMs * PER_SECOND) / 1000 / BATCH
  for (let done = 1; done <= count; done++) {
    const due = started + ((done - 1) * BATCH * 1000) / PER_SECOND
    if (due > performance.now()) await delay(due - performance.now())
    await writer.batch(BATCH)
    commits.push({ at: performance.now(), seq: run.from + done * BATCH })
  }
  return commits
}

function measuresOf(latencies: Record<string, Distribution>): Measure[] {
  return Object.entries(latencies).flatMap(([name, { p50, p99 }]): Measure[] => [
    { name: `${name}, p50`, unit: 'ms', value: p50, target: P50_MS_MAX, atMost: true },
    { name: `${name}, p99`, unit: 'ms', value: p99, target: P99_MS_MAX, atMost: true },
  ])
}
