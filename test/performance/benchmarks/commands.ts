// Single commands, each a transaction of its own with one event, from sixteen connections → sealed.
import { measureBare, measureBareTransactions } from '../measuring/bare.js'
import { closedLoop } from '../measuring/closed-loop.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import { ratePerSecond } from '../measuring/statistics.js'
import { EventWriter } from '../hosts/event-writer.js'
import { RunningStack } from '../hosts/running-stack.js'
import { eventCount, untilQuiet, untilSealed } from '../hosts/sealing.js'
import type { Benchmark, Measure } from '../result.js'

const CLIENTS = 16
const TARGET = 2_000
/** Of an append, between BEGIN and COMMIT: keys, streams and counters, rows. */
const STATEMENTS = 3

export const benchmark: Benchmark = {
  name: 'commands',
  title: 'single commands → sealed',
  async run(context) {
    const stack = await RunningStack.start(context)
    const writer = new EventWriter(stack, { connections: CLIENTS, seed: context.seed })
    context.onEnd(() => writer.pool.end())
    await writer.warmUp()
    const once = () => writer.batch(1)
    await closedLoop({ clients: CLIENTS, warmUpMs: 2_000, durationMs: 500, once })
    const before = await untilQuiet(writer.pool)
    const durationMs = context.full ? 60_000 : 12_000
    const observation = new Observation(context, { ...stack.roots, load: process.pid })
    const started = performance.now()
    const onProgress = (done: number) => done % 4_000 === 0 && context.progress(`${done} commands`)
    const committed = await closedLoop({ clients: CLIENTS, warmUpMs: 0, durationMs, once, onProgress })
    const count = (await eventCount(writer.pool)) - before
    await untilSealed(writer.pool, before + count, (done) => context.progress(`sealed ${done - before} of ${count}`))
    const value = ratePerSecond(count, performance.now() - started)
    const measured = await observation.stop()
    context.progress('bare comparison')
    const place = { postgresUrl: stack.state.postgres, bodyBytes: writer.bodyBytes }
    const transactions = await measureBareTransactions({ ...place, clients: CLIENTS, rows: STATEMENTS })
    const bare = [transactions, ...(await measureBare({ ...place, batchSize: 1 }))]
    const sealed: Measure = { name: 'commands → sealed', unit: 'events/s', value, target: TARGET }
    return {
      parameters: {
        clients: CLIENTS,
        seconds: durationMs / 1000,
        bodyBytes: writer.bodyBytes,
        seed: context.seed,
        fsync: true,
      },
      measures: [sealed, { name: 'commands committed', unit: 'events/s', value: committed.perSecond }],
      latencies: { 'command until COMMIT': committed.latency },
      comparisons: comparisonsOf(sealed, bare),
      ...measured,
    }
  },
}
