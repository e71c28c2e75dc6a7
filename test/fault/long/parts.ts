// The long runs by area, in parts that can be repeated and resumed one by one, and what they must add up to.
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
/** Restores of anything else come besides these. */
const REQUIRED_RESTORES = ['restore-ledger', 'restore-consent', 'restore-records', 'restore-keys'] as const

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

const FOUNDATION: readonly Plan[] = [
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
  {
    name: 'restores',
    faults: { ...timesEach(3, ...RESTORES), ...timesEach(5, ...REQUIRED_RESTORES) },
    eventsMin: 4_000,
  },
  { name: 'disks', faults: timesEach(5, ...DISKS), signerDisk: true, eventsMin: 2_000 },
]

const pairPart = (number: number): Plan => ({
  name: `pair-${number}`,
  faults: {
    ...timesEach(60, 'kill-active'),
    ...timesEach(9, 'kill-standby', 'kill-signer'),
    ...timesEach(22, 'pause-active'),
    ...timesEach(4, 'pause-in-append'),
    ...timesEach(5, 'kill-postgres'),
  },
  pair: true,
  atOnce: 2,
  eventsMin: 2_000,
})

const LEDGER: readonly Plan[] = [
  ...Array.from({ length: 4 }, (_, index) => pairPart(index + 1)),
  { name: 'pair-restores', faults: { 'restore-ledger-pair': 11, 'kill-active': 2 }, pair: true, eventsMin: 500 },
]

type Required = { name: string; kinds: readonly FaultKind[]; count: number }

const FOUNDATION_REQUIRED: readonly Required[] = [
  { name: 'kill -9 of services, with requests in flight', kinds: KILLS, count: 500 },
  { name: 'SIGSTOP of services', kinds: PAUSES, count: 100 },
  { name: 'kill -9 of Postgres', kinds: ['kill-postgres'], count: 50 },
  { name: 'kill -9 of the broker', kinds: ['kill-broker'], count: 50 },
  { name: 'all data of the broker wiped', kinds: ['wipe-broker'], count: 5 },
  { name: 'old copies of ledger, consent, records and keys', kinds: REQUIRED_RESTORES, count: 20 },
  { name: 'partitions', kinds: PARTITIONS, count: 100 },
  { name: 'late, narrow, dead, reset and cut connections', kinds: WIRES, count: 50 },
  { name: 'failing and full disks', kinds: DISKS, count: 20 },
]

const LEDGER_REQUIRED: readonly Required[] = [
  { name: 'kill -9 over two sequencers', kinds: ['kill-active', 'kill-standby', 'kill-signer'], count: 300 },
  { name: 'SIGSTOP longer than the lease', kinds: ['pause-active', 'pause-in-append'], count: 100 },
  { name: 'of these, with an append begun', kinds: ['pause-in-append'], count: 10 },
  { name: 'kill -9 of Postgres', kinds: ['kill-postgres'], count: 20 },
  { name: 'old ledger databases restored', kinds: ['restore-ledger-pair'], count: 10 },
]

/** What issue after issue may rely on: the sum over all parts of an area. */
export const AREAS = {
  foundation: { parts: FOUNDATION, required: FOUNDATION_REQUIRED, eventsRequired: 100_000 },
  ledger: { parts: LEDGER, required: LEDGER_REQUIRED, eventsRequired: 8_000 },
} as const
export type Area = keyof typeof AREAS

/** The area that a part belongs to; undefined for the name of no part. */
export function areaOf(name: string): Area | undefined {
  return (Object.keys(AREAS) as Area[]).find((area) => AREAS[area].parts.some((part) => part.name === name))
}

export function sumOf(counts: readonly FaultCounts[], kinds: readonly FaultKind[] = FAULT_KINDS): number {
  return counts.reduce((sum, one) => sum + kinds.reduce((part, kind) => part + (one[kind] ?? 0), 0), 0)
}
