// A service cannot reach Postgres, the broker, another service, or anybody, for half a second to six.
import { SERVICE_NAMES, type ServiceName } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault, Bed } from './fault.js'

/** Services that speak HTTP with one another. */
const TALKS: readonly (readonly [ServiceName, ServiceName])[] = [
  ['records', 'consent'],
  ['records', 'audit'],
  ['records', 'identity'],
  ['identity', 'ledger-sequencer'],
  ['consent', 'ledger-sequencer'],
  ['records', 'ledger-sequencer'],
  ['audit', 'ledger-sequencer'],
]

export const PARTITION_FAULTS: Fault[] = [
  {
    kind: 'partition-part',
    target: 'network',
    strike: (bed, random) => {
      const [service, part] = [random.pick(SERVICE_NAMES), random.pick(['postgres', 'nats'] as const)]
      return forAWhile(random, () => namespacesOf(bed).cut(service, part, portsOf(bed)))
    },
  },
  {
    kind: 'partition-service',
    target: 'network',
    strike: (bed, random) => {
      const [service, other] = random.pick(TALKS)
      return forAWhile(random, () => namespacesOf(bed).cut(service, other, portsOf(bed)))
    },
  },
  {
    kind: 'partition-everybody',
    target: 'network',
    strike: (bed, random) => {
      const service = random.pick(SERVICE_NAMES)
      const namespaces = namespacesOf(bed)
      if (random.chance(0.3)) return forAWhile(random, () => namespaces.unplug(service))
      return forAWhile(random, () => namespaces.cut(service, 'everybody', portsOf(bed)))
    },
  },
]

async function forAWhile(random: SeededRandom, begin: () => Promise<() => Promise<void>>): Promise<void> {
  const milliseconds = random.integer(500, 6000)
  const end = await begin()
  await delay(milliseconds)
  await end()
}

function namespacesOf({ namespaces }: Bed) {
  if (!namespaces) throw new Error('partitions need services in network namespaces of their own')
  return namespaces
}

const portOf = (url: string) => Number(new URL(url).port)

function portsOf({ stack }: Bed) {
  return { postgres: portOf(stack.postgres.url), nats: portOf(stack.nats.url) }
}
