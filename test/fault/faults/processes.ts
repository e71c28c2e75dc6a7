// Processes die without a word, or stand still for a while and then go on as if nothing had happened.
import { SERVICE_NAMES, type ServiceName } from '@careseal/stack'
import type { SeededRandom } from '@careseal/synthetic'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Fault, Bed } from './fault.js'

const LEASE_MS = 1000
const IN_FLIGHT_WITHIN_MS = 60_000

type Killable = { readonly pid: number; kill(): Promise<void> }

const serviceFaults = (service: ServiceName): Fault[] => [
  { kind: `kill-${service}`, target: service, strike: (bed) => kill(bed, bed.stack.services[service]) },
  {
    kind: `pause-${service}`,
    target: service,
    strike: async (bed, random) => pause(await running(bed.stack.services[service]), pauseMs(service, random)),
  },
]

export const PROCESS_FAULTS: Fault[] = [
  ...SERVICE_NAMES.flatMap(serviceFaults),
  { kind: 'kill-postgres', target: 'postgres', strike: (bed) => kill(bed, bed.stack.postgres) },
  { kind: 'kill-broker', target: 'broker', strike: (bed) => kill(bed, bed.stack.nats) },
  {
    kind: 'wipe-broker',
    target: 'broker',
    strike: async ({ stack }) => void (await running(stack.nats), await stack.nats.wipe()),
  },
  {
    kind: 'pause-postgres',
    target: 'postgres',
    strike: async ({ stack }, random) => pause(await running(stack.postgres), random.integer(200, 4000)),
  },
  {
    kind: 'pause-broker',
    target: 'broker',
    strike: async ({ stack }, random) => pause(await running(stack.nats), random.integer(200, 4000)),
  },
]

// The sequencer must find itself deposed when it wakes up: its lease has run out.
function pauseMs(service: ServiceName, random: SeededRandom): number {
  if (service === 'ledger-sequencer') return random.integer(LEASE_MS + 200, LEASE_MS + 2500)
  return random.integer(200, 4000)
}

// A kill counts only with a request in flight.
async function kill({ load }: Bed, target: Killable): Promise<void> {
  const deadline = performance.now() + IN_FLIGHT_WITHIN_MS
  await running(target)
  while (load.inFlight === 0) {
    if (performance.now() > deadline)
      throw new Error('no request was in flight for a minute: the kill would prove nothing')
    await delay(1)
  }
  await target.kill()
}

async function running(target: Killable): Promise<number> {
  while (target.pid === 0) await delay(20)
  return target.pid
}

/** SIGSTOP to a process and its children, SIGCONT after a while. */
export async function pause(pid: number, milliseconds: number): Promise<void> {
  // It has just ended and is started again; for signals 0 would be our own process group.
  if (pid === 0) return
  const all = [pid, ...childrenOf(pid)]
  for (const one of all) signal(one, 'SIGSTOP')
  await delay(milliseconds)
  for (const one of all) signal(one, 'SIGCONT')
}

export function childrenOf(pid: number): number[] {
  const isChild = (other: string) => {
    try {
      return Number(/\) . (\d+)/.exec(readFileSync(`/proc/${other}/stat`, 'utf8'))?.[1]) === pid
    } catch {
      return false
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isChild(name))
    .map(Number)
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
