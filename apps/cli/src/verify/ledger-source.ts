// Where a ledger is read from: its public HTTP interface, an export in a folder, or a static mirror. None is believed.
import type { LedgerSource } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { exportedCheckpoint, exportedEntries } from './export-files.js'
import { fetchCheckpoint, fetchConsistency, fetchEntries } from './ledger-client.js'
import { mirroredCheckpoint, mirroredEntries } from './mirror-client.js'
import { sizeOf } from './verify-ledger.js'

export type ReadableLedger = {
  note: string
  /** How far the checkpoint reaches, as it says itself. */
  size: number
  entries: () => LedgerSource['entries']
  /** The proof from one size to another, by the ledger's own word. Rejects where there is none. */
  consistency: (sizes: { from: number; to: number }) => Promise<Hash[]>
}

export async function liveLedger(origin: string): Promise<ReadableLedger> {
  const note = await fetchCheckpoint(origin)
  const size = sizeOf(note)
  return {
    note,
    size,
    entries: () => fetchEntries(origin, 0, size),
    consistency: (sizes) => fetchConsistency(origin, sizes),
  }
}

/** A folder, or the URL below which a mirror serves the same files. */
export async function exportedLedger(place: string): Promise<ReadableLedger> {
  const isUrl = /^https?:\/\//.test(place)
  const note = isUrl ? await mirroredCheckpoint(place) : exportedCheckpoint(place)
  const size = sizeOf(note)
  return {
    note,
    size,
    entries: () => (isUrl ? mirroredEntries(place, size) : exportedEntries(place, size)),
    consistency: () => Promise.reject(new Error('tiles alone are no proof')),
  }
}
