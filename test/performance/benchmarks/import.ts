// Bundles over HTTP into a whole stack, four at a time, as `careseal import` sends them; cold right after the start, then
// the same bundles again under other keys.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { patientBundle } from '@careseal/synthetic'
import { measureBare } from '../measuring/bare.js'
import { comparisonsOf } from '../measuring/comparisons.js'
import { Observation } from '../measuring/observation.js'
import { distributionOf, ratePerSecond, type Distribution } from '../measuring/statistics.js'
import { RunningStack } from '../hosts/running-stack.js'
import { untilQuiet } from '../hosts/sealing.js'
import type { Benchmark, BenchmarkContext, Measure } from '../result.js'

const CLIENTS = 4
const SYNTHETIC = 24
const SYNTHEA = join(import.meta.dirname, '../../../../shared/data/dev/synthea-r4-transactions')

type Bundle = { text: string; resources: number }
type Pass = { resources: number; perSecond: number; sealedPerSecond: number; latency: Distribution }

export const benchmark: Benchmark = {
  name: 'import',
  title: 'bundles over HTTP into a whole stack',
  async run(context) {
    const { bundles, source } = bundlesToImport(context.seed)
    const stack = await RunningStack.start(context)
    await stack.token('hospital')
    const cold = await pass({ stack, context, bundles }, 'cold')
    const passes = context.full ? 5 : 1
    const observation = new Observation(context, { ...stack.roots, load: process.pid })
    const warm: Pass[] = []
    for (let turn = 0; turn < passes; turn++) warm.push(await pass({ stack, context, bundles }, `warm-${turn}`))
    const measured = await observation.stop()
    context.progress('bare comparison')
    const resources = bundles.reduce((sum, bundle) => sum + bundle.resources, 0)
    const batchSize = Math.round(resources / bundles.length)
    const bodyBytes = Math.round(bundles.reduce((sum, { text }) => sum + text.length, 0) / resources)
    const bare = await measureBare({ postgresUrl: stack.state.postgres, batchSize, bodyBytes })
    const last = warm.at(-1) as Pass
    const rate: Measure = { name: 'stored, warm', unit: 'resources/s', value: last.perSecond }
    return {
      parameters: {
        source,
        bundles: bundles.length,
        resources,
        clients: CLIENTS,
        resourceBytes: bodyBytes,
        fsync: true,
      },
      measures: [
        rate,
        { name: 'stored, cold', unit: 'resources/s', value: cold.perSecond },
        { name: 'stored and sealed, warm', unit: 'resources/s', value: last.sealedPerSecond },
      ],
      latencies: { 'bundle, cold': cold.latency, 'bundle, warm': last.latency },
      comparisons: comparisonsOf(rate, bare),
      ...measured,
    }
  },
}

function bundlesToImport(seed: string): { bundles: Bundle[]; source: string } {
  if (existsSync(SYNTHEA)) {
    const files = readdirSync(SYNTHEA).filter((file) => file.endsWith('.json'))
    const texts = files.toSorted().map((file) => readFileSync(join(SYNTHEA, file), 'utf8'))
    return { bundles: texts.map(counted), source: 'Synthea' }
  }
  const made = Array.from({ length: SYNTHETIC }, (_, index) => JSON.stringify(patientBundle({ seed, index })))
  return { bundles: made.map(counted), source: 'synthetic' }
}

function counted(text: string): Bundle {
  const { entry } = JSON.parse(text) as { entry: unknown[] }
  return { text, resources: entry.length }
}

type Under = { stack: RunningStack; context: BenchmarkContext; bundles: readonly Bundle[] }

async function pass({ stack, context, bundles }: Under, name: string): Promise<Pass> {
  const queue = [...bundles.entries()]
  const latencies: number[] = []
  const started = performance.now()
  const client = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const [number, bundle] = next
      const began = performance.now()
      await store(stack, bundle, `bench-${context.seed}-${name}-${number}`)
      latencies.push(performance.now() - began)
      context.progress(`${name}: ${latencies.length} of ${bundles.length} bundles`)
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  const storedMs = performance.now() - started
  await untilAllSealed(stack)
  const resources = bundles.reduce((sum, bundle) => sum + bundle.resources, 0)
  return {
    resources,
    perSecond: ratePerSecond(resources, storedMs),
    sealedPerSecond: ratePerSecond(resources, performance.now() - started),
    latency: distributionOf(latencies),
  }
}

async function store(stack: RunningStack, { text, resources }: Bundle, key: string): Promise<void> {
  const response = await fetch(`${stack.origin}/fhir`, {
    method: 'POST',
    body: text,
    headers: {
      authorization: `Bearer ${await stack.token('hospital')}`,
      'content-type': 'application/fhir+json',
      prefer: 'return=minimal',
      'idempotency-key': key,
    },
  })
  const answer = await response.text()
  if (!response.ok) throw new Error(`a bundle was refused: ${response.status} ${answer.slice(0, 300)}`)
  const stored = (JSON.parse(answer) as { entry: unknown[] }).entry.length
  if (stored !== resources) throw new Error(`${stored} of ${resources} resources were stored`)
}

async function untilAllSealed(stack: RunningStack): Promise<void> {
  for (const service of ['consent', 'records']) {
    const pool = stack.pool(service, 1)
    await untilQuiet(pool).finally(() => pool.end())
  }
}
