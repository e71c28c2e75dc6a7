// Every fault that there is, by kind.
import { missing, type Capability } from '../surroundings/capabilities.js'
import { DISK_FAULTS } from './disks.js'
import type { Fault } from './fault.js'
import { FAULT_KINDS, PARTITIONS, type FaultCounts, type FaultKind } from './kinds.js'
import { PAIR_FAULT_LIST } from './pair.js'
import { PARTITION_FAULTS } from './partitions.js'
import { PROCESS_FAULTS } from './processes.js'
import { RESTORE_FAULTS } from './restores.js'
import { WIRE_FAULTS } from './wires.js'

export const EVERY_FAULT: readonly Fault[] = [
  ...PROCESS_FAULTS,
  ...PARTITION_FAULTS,
  ...WIRE_FAULTS,
  ...RESTORE_FAULTS,
  ...DISK_FAULTS,
  ...PAIR_FAULT_LIST,
]

export function faultOf(kind: FaultKind): Fault {
  const fault = EVERY_FAULT.find((one) => one.kind === kind)
  if (!fault) throw new Error(`nothing makes the fault ${kind}`)
  return fault
}

/** What a kind of fault needs of the machine. */
export function needOf(kind: FaultKind): Capability | null {
  if (PARTITIONS.some((one) => one === kind)) return 'namespaces'
  if (kind === 'signer-full') return 'mount'
  if (kind === 'signer-eio' || kind === 'postgres-eio' || kind === 'postgres-full') return 'strace'
  return null
}

/** The faults that this machine can make, and why it cannot make the others. */
export async function possible(counts: FaultCounts): Promise<{ counts: FaultCounts; reasons: Set<string> }> {
  const left: FaultCounts = {}
  const reasons = new Set<string>()
  for (const kind of FAULT_KINDS) {
    const need = needOf(kind)
    const reason = counts[kind] && need ? await missing(need) : null
    if (reason) reasons.add(reason)
    else if (counts[kind]) left[kind] = counts[kind]
  }
  return { counts: left, reasons }
}
