// The way from a service to Postgres, the broker or the ledger is late, narrow, dead, reset, or torn in a message.
import { SERVICE_NAMES } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import { setTimeout as delay } from 'node:timers/promises'
import { PROXIED } from '../surroundings/proxies.js'
import type { TcpProxy } from '../surroundings/tcp-proxy.js'
import type { WIRES } from './kinds.js'
import type { Fault, Bed } from './fault.js'

type Strike = (proxy: TcpProxy, random: SeededRandom) => Promise<void>

const STRIKES: Record<(typeof WIRES)[number], Strike> = {
  'wire-late': (proxy, random) => {
    proxy.setWire({ delayMs: random.integer(20, 400) })
    return goodAfter(proxy, random.integer(500, 5000))
  },
  'wire-narrow': (proxy, random) => {
    proxy.setWire({ bytesPerSecond: random.integer(2_000, 60_000) })
    return goodAfter(proxy, random.integer(500, 5000))
  },
  'wire-black-hole': (proxy, random) => {
    proxy.setWire('black-hole')
    return goodAfter(proxy, random.integer(500, 6000))
  },
  'wire-reset': async (proxy, random) => {
    for (let left = random.integer(1, 4); left > 0; left--) {
      proxy.reset()
      await delay(random.integer(50, 400))
    }
  },
  'wire-cut': async (proxy, random) => {
    proxy.cutMessages(random.integer(1, 8))
    await delay(random.integer(300, 1500))
    proxy.cutMessages(0)
  },
}

export const WIRE_FAULTS: Fault[] = (Object.keys(STRIKES) as (typeof WIRES)[number][]).map((kind) => ({
  kind,
  target: 'wire',
  strike: (bed, random) => STRIKES[kind](wireOf(bed, random), random),
}))

function wireOf({ proxies }: Bed, random: SeededRandom): TcpProxy {
  if (!proxies) throw new Error('faults of connections need proxies in between')
  const service = random.pick(SERVICE_NAMES)
  return proxies.between(service, random.pick(PROXIED.filter((target) => target !== service)))
}

async function goodAfter(proxy: TcpProxy, milliseconds: number): Promise<void> {
  await delay(milliseconds)
  proxy.setWire('good')
}
