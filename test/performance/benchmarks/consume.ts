// An outside consumer that does nothing with its events: as fast as the stream brings them, and as fast as a producer
// answers when the stream has none of them. Its memory must stay what it was, however many come.
import type { Position } from '@careseal/client'
import { HostProcess } from '../hosts/child-host.js'
import { Observation, type Observed } from '../measuring/observation.js'
import { ratePerSecond, rounded } from '../measuring/statistics.js'
import type { Benchmark, BenchmarkContext } from '../result.js'

const TARGET = 20_000
const NAME = 'consumer'

type Place = { url: string; seedFile: string; origin: string; pid: number }
type Consumed = { took: number; handled: number; position: Position; troubles: string[] }
type Memory = [seconds: number, mebibytes: number][]

export const benchmark: Benchmark = {
  name: 'consume',
  title: 'events through an outside consumer',
  async run(context) {
    const count = context.full ? 1_000_000 : 100_000
    const producer = new HostProcess('consumed-producer.host.ts')
    context.onEnd(() => producer.stop())
    const place = await producer.call<Place>('start')
    context.progress(`publishing ${count} events`)
    const published = await producer.call<number>('add', count, true)
    const streamed = await consumed(context, { producer, place, from: {}, until: published })
    const all = await producer.call<number>('add', count, false)
    const replayed = await consumed(context, { producer, place, from: streamed.position, until: all })
    const { memory } = streamed
    return {
      parameters: { events: count, handler: 'does nothing', types: 1 },
      measures: [
        { name: 'consumed from the stream', unit: 'events/s', value: streamed.perSecond, target: TARGET },
        { name: 'replayed from the producer', unit: 'events/s', value: replayed.perSecond, target: TARGET },
        { name: 'peak memory', unit: 'MiB', value: Math.max(...memory.map(([, mebibytes]) => mebibytes), 0) },
        { name: 'peak memory, second half ÷ first half', unit: '', value: growthOf(memory), target: 1.2, atMost: true },
      ],
      comparisons: [],
      ...streamed.observed,
      series: [{ name: 'memory while consuming', x: 'seconds', y: 'MiB', points: memory }],
    }
  },
}

type Run = { producer: HostProcess; place: Place; from: Position; until: number }

async function consumed(
  context: BenchmarkContext,
  { producer, place, from, until }: Run,
): Promise<{ perSecond: number; position: Position; memory: Memory; observed: Observed }> {
  const consumer = new HostProcess('consumer.host.ts', { profileDir: context.profileDir })
  await consumer.call('ready')
  const roots = { [NAME]: consumer.pid, 'producer and broker': producer.pid }
  const observation = new Observation(context, roots)
  try {
    const { url, seedFile, origin } = place
    const result = await consumer.call<Consumed>('consume', { url, seedFile, origin, from, until })
    if (result.troubles.length > 0) context.progress(`troubles: ${result.troubles.join('; ')}`)
    const memory = observation.memoryOf(NAME)
    const observed = await observation.stop()
    return { perSecond: ratePerSecond(result.handled, result.took), position: result.position, memory, observed }
  } finally {
    await consumer.stop()
  }
}

function growthOf(memory: Memory): number {
  const middle = (memory.at(-1)?.[0] ?? 0) / 2
  const peak = (half: Memory) => Math.max(...half.map(([, mebibytes]) => mebibytes), 1)
  return rounded(peak(memory.filter(([at]) => at > middle)) / peak(memory.filter(([at]) => at <= middle)))
}
