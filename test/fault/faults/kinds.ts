// The kinds of fault that are counted. Each is a name in the record of the long run.
import { SERVICE_NAMES, type ServiceName } from '@careseal/stack'

const each = <P extends string>(prefix: P) => SERVICE_NAMES.map((name) => `${prefix}-${name}` as const)

export const KILLS = each('kill')
export const PAUSES = each('pause')
export const PART_FAULTS = ['kill-postgres', 'pause-postgres', 'kill-broker', 'pause-broker', 'wipe-broker'] as const
export const PARTITIONS = ['partition-part', 'partition-service', 'partition-everybody'] as const
export const WIRES = ['wire-late', 'wire-narrow', 'wire-black-hole', 'wire-reset', 'wire-cut'] as const
export const RESTORES = [
  'restore-everything',
  'restore-ledger',
  'restore-consent',
  'restore-records',
  'restore-identity',
  'restore-audit',
  'restore-keys',
] as const
export const DISKS = ['signer-eio', 'signer-full', 'postgres-eio', 'postgres-full'] as const

/** Over two sequencers with a signer of their own process. */
export const PAIR_FAULTS = [
  'kill-active',
  'pause-active',
  'pause-in-append',
  'kill-standby',
  'kill-signer',
  'restore-ledger-pair',
] as const

export const FAULT_KINDS = [
  ...KILLS,
  ...PAUSES,
  ...PART_FAULTS,
  ...PARTITIONS,
  ...WIRES,
  ...RESTORES,
  ...DISKS,
  ...PAIR_FAULTS,
] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** How often each kind happened, or shall happen. */
export type FaultCounts = Partial<Record<FaultKind, number>>

export function serviceIn(kind: (typeof KILLS | typeof PAUSES)[number]): ServiceName {
  return kind.slice(kind.indexOf('-') + 1) as ServiceName
}

/** The same number of each kind. */
export function timesEach(times: number, ...kinds: readonly FaultKind[]): FaultCounts {
  return Object.fromEntries(kinds.map((kind) => [kind, times]))
}
