// Access decisions as records asks for them: over the broker, each a transaction of consent with its event.
import type { CommandRequest } from '@careseal/contracts'
import { connectNats, request } from '@careseal/messaging'
import { natsSeedFileOf } from '@careseal/stack'
import { measureBare } from '../measuring/bare.js'
import { closedLoop } from '../measuring/closed-loop.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import { startReadingWorld, type ReadingWorld } from '../hosts/reading-world.js'
import type { Benchmark, Measure } from '../result.js'

const CLIENTS = 16

export const benchmark: Benchmark = {
  name: 'decision',
  title: 'access decisions, each with its event',
  async run(context) {
    const world = await startReadingWorld(context)
    const { stack } = world
    const ask = await asker(world, context.onEnd)
    const seconds = context.full ? 60 : 12
    context.progress('one at a time')
    const alone = await closedLoop({ clients: 1, warmUpMs: 2_000, durationMs: 4_000, once: ask })
    context.progress(`${CLIENTS} at a time`)
    let observation: Observation | undefined
    const many = await closedLoop({
      clients: CLIENTS,
      warmUpMs: 2_000,
      durationMs: seconds * 1000,
      once: ask,
      onMeasuring: () => (observation = new Observation(context, { ...stack.roots, load: process.pid })),
      onProgress: (done) => done % 4_000 === 0 && context.progress(`${done} decisions`),
    })
    const measured = await (observation as Observation).stop()
    context.progress('bare comparison')
    const bare = await measureBare({ postgresUrl: stack.state.postgres, batchSize: 1, bodyBytes: 300 })
    const rate: Measure = { name: `decisions, ${CLIENTS} at a time`, unit: 'decisions/s', value: many.perSecond }
    return {
      parameters: { clients: CLIENTS, seconds, patients: world.patientIds.length, fsync: true },
      measures: [rate, { name: 'decisions, one at a time', unit: 'decisions/s', value: alone.perSecond }],
      latencies: { [`${CLIENTS} at a time`]: many.latency, 'one at a time': alone.latency },
      comparisons: comparisonsOf(rate, bare),
      ...measured,
    }
  },
}

async function asker(
  { stack, clinician, patientIds }: ReadingWorld,
  onEnd: (close: () => Promise<void>) => void,
): Promise<(turn: number) => Promise<void>> {
  // As the records service: nobody else may ask.
  const seedFile = natsSeedFileOf(stack.dataDir, 'records')
  const connection = await connectNats({ url: stack.state.nats, name: 'records', seedFile })
  onEnd(() => connection.close())
  return async (turn) => {
    const question: CommandRequest<'decide-access'> = {
      caller: { ...clinician, role: 'practitioner' },
      patientIds: [patientIds[turn % patientIds.length] as string],
      action: 'read',
      types: ['Observation'],
      purpose: 'TREAT',
    }
    const reply = await request(connection, 'consent', 'decide-access', question, { deadlineMs: 5_000 })
    if (!reply.decisions[0]?.permitted) throw new Error(`not permitted: ${JSON.stringify(reply)}`)
  }
}
