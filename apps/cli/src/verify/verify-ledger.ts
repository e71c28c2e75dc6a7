// Checks a whole ledger from outside: every entry is fetched, every hash and signature made again.
import { parseCheckpoint, verifyLedger, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { fetchCheckpoint, fetchEntries } from './ledger-client.js'
import { PRIMITIVES } from './primitives.js'

export type VerifyOnlineOptions = {
  origin: string
  trust: Trust | null
  onProgress?: (done: number, total: number) => void
}

/** The verdict on the ledger at an origin, up to its published checkpoint. Throws only if it cannot be read. */
export async function verifyOnline({ origin, trust, onProgress }: VerifyOnlineOptions): Promise<LedgerVerdict> {
  const note = await fetchCheckpoint(origin)
  const size = sizeOf(note)
  const entries = fetchEntries(origin, 0, size)
  return verifyLedger(
    { entries, checkpoint: note },
    {
      ...PRIMITIVES,
      ...(trust ? { trust } : {}),
      onBlock: (_header, tree) => onProgress?.(tree.size, size),
    },
  )
}

/** How far to read. Whether the checkpoint may be believed at all is for the verification to say. */
export function sizeOf(note: string): number {
  try {
    return parseCheckpoint(note.slice(0, note.indexOf('\n\n') + 1)).size
  } catch {
    return Number.MAX_SAFE_INTEGER
  }
}

/** One line that names block and index of the first fault. */
export function describeFault(fault: Extract<LedgerVerdict, { ok: false }>['fault']): string {
  const detail = fault.detail ? ` (${fault.detail})` : ''
  return `block ${fault.height}, entry ${fault.index}: ${fault.code}${detail}`
}
