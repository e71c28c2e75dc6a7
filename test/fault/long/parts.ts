// The long run of the foundation, in parts that can be repeated and resumed one by one, and what they must add up to.
import type { Plan } from '../campaign/campaign.js'
import {
  DISKS,
  FAULT_KINDS,
  KILLS,
  PARTITIONS,
  PAUSES,
  RESTORES,
  timesEach,
  WIRES,
  type FaultCounts,
  type FaultKind,
} from '../faults/kinds.js'

const KILL_PARTS = 4
const EVENTS_OF_A_KILL_PART = 20_000

const killPart = (number: number): Plan => ({
  name: `kills-${number}`,
  faults: {
    ...timesEach(26, ...KILLS),
    ...timesEach(6, ...PAUSES),
    ...timesEach(13, 'kill-postgres', 'kill-broker'),
    ...timesEach(2, 'pause-postgres', 'pause-broker', 'wipe-broker'),
  },
  atOnce: 5,
  eventsMin: EVENTS_OF_A_KILL_PART,
})

export const PARTS: readonly Plan[] = [
  ...Array.from({ length: KILL_PARTS }, (_, index) => killPart(index + 1)),
  {
    name: 'partitions',
    faults: { ...timesEach(35, ...PARTITIONS), ...timesEach(2, ...KILLS) },
    namespaces: true,
    atOnce: 2,
    eventsMin: 8_000,
  },
  {
    name: 'wires',
    faults: { ...timesEach(10, ...WIRES), ...timesEach(1, ...KILLS) },
    proxies: true,
    atOnce: 2,
    eventsMin: 6_000,
  },
  { name: 'restores', faults: timesEach(3, ...RESTORES), eventsMin: 4_000 },
  { name: 'disks', faults: timesEach(5, ...DISKS), signerDisk: true, eventsMin: 2_000 },
]

/** What issue after issue may rely on: the sum over all parts. */
export const REQUIRED: readonly { name: string; kinds: readonly FaultKind[]; count: number }[] = [
  { name: 'kill -9 of services, with requests in flight', kinds: KILLS, count: 500 },
  { name: 'SIGSTOP of services', kinds: PAUSES, count: 100 },
  { name: 'kill -9 of Postgres', kinds: ['kill-postgres'], count: 50 },
  { name: 'kill -9 of the broker', kinds: ['kill-broker'], count: 50 },
  { name: 'all data of the broker wiped', kinds: ['wipe-broker'], count: 5 },
  { name: 'old copies restored', kinds: RESTORES, count: 20 },
  { name: 'partitions', kinds: PARTITIONS, count: 100 },
  { name: 'late, narrow, dead, reset and cut connections', kinds: WIRES, count: 50 },
  { name: 'failing and full disks', kinds: DISKS, count: 20 },
]
export const EVENTS_REQUIRED = 100_000

export function sumOf(counts: readonly FaultCounts[], kinds: readonly FaultKind[] = FAULT_KINDS): number {
  return counts.reduce((sum, one) => sum + kinds.reduce((part, kind) => part + (one[kind] ?? 0), 0), 0)
}
