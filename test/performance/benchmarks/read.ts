// GET of an Observation through the gateway: token, permit of consent, RecordRead committed, then the resource.
import { Agent, request } from 'node:http'
import { measureBare } from '../measuring/bare.js'
import { closedLoop } from '../measuring/closed-loop.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import { startReadingWorld } from '../hosts/reading-world.js'
import type { Benchmark, Measure } from '../result.js'

const CLIENTS = 8

export const benchmark: Benchmark = {
  name: 'read',
  title: 'GET of a resource, with permit and RecordRead',
  async run(context) {
    const { stack, observationIds, patientIds } = await startReadingWorld(context)
    const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })
    context.onEnd(() => agent.destroy())
    const get = getter(agent)
    const read = async (turn: number) => {
      const id = observationIds[turn % observationIds.length] as string
      await get(`${stack.origin}/fhir/Observation/${id}`, await stack.token('clinician'))
    }
    const seconds = context.full ? 60 : 12
    context.progress('one at a time')
    const alone = await closedLoop({ clients: 1, warmUpMs: 3_000, durationMs: 4_000, once: read })
    context.progress(`${CLIENTS} at a time`)
    let observation: Observation | undefined
    const many = await closedLoop({
      clients: CLIENTS,
      warmUpMs: 3_000,
      durationMs: seconds * 1000,
      once: read,
      onMeasuring: () => (observation = new Observation(context, { ...stack.roots, load: process.pid })),
      onProgress: (done) => done % 1_000 === 0 && context.progress(`${done} reads`),
    })
    const measured = await (observation as Observation).stop()
    context.progress('bare comparison')
    const probe = { clients: CLIENTS, warmUpMs: 500, durationMs: 2_500, once: () => get(`${stack.origin}/livez`) }
    const live = await closedLoop(probe)
    const bare = [
      { name: 'GET /livez through the gateway', unit: 'requests/s', value: live.perSecond },
      ...(await measureBare({ postgresUrl: stack.state.postgres, batchSize: 1, bodyBytes: 300 })),
    ]
    const rate: Measure = { name: `reads, ${CLIENTS} at a time`, unit: 'requests/s', value: many.perSecond }
    return {
      parameters: {
        clients: CLIENTS,
        seconds,
        patients: patientIds.length,
        observations: observationIds.length,
        fsync: true,
      },
      measures: [rate, { name: 'reads, one at a time', unit: 'requests/s', value: alone.perSecond }],
      latencies: { [`${CLIENTS} at a time`]: many.latency, 'one at a time': alone.latency },
      comparisons: comparisonsOf(rate, bare),
      ...measured,
    }
  },
}

function getter(agent: Agent): (url: string, token?: string) => Promise<void> {
  return (url, token) =>
    new Promise((resolve, reject) => {
      const headers = token ? { authorization: `Bearer ${token}` } : {}
      const sent = request(url, { agent, headers }, (response) => {
        let bytes = 0
        response.on('data', (chunk: Buffer) => (bytes += chunk.length))
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200 && bytes > 0) resolve()
          else reject(new Error(`${new URL(url).pathname}: ${response.statusCode}`))
        })
      })
      sent.on('error', reject)
      sent.end()
    })
}
