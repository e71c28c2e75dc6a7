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

/** What a refusal of the checkpoint means to whoever verifies; the other refusals say it themselves. */
const REFUSALS: Readonly<Record<string, string>> = {
  'no-known-signature':
    'no key that you named for the log has signed it; if it was rotated, name the new one too, as the operator gave it to you',
  'quorum-not-met': 'the witnesses that your policy asks for have not co-signed it',
}

/** One line that names block and index of the first fault; the checkpoint stands in no block. */
export function describeFault(fault: Extract<LedgerVerdict, { ok: false }>['fault']): string {
  const detail = fault.detail ? ` (${fault.detail})` : ''
  if (fault.code === 'checkpoint-refused') {
    const meaning = REFUSALS[fault.detail ?? '']
    return `the checkpoint: ${fault.code}${detail}${meaning ? `: ${meaning}` : ''}`
  }
  return `block ${fault.height}, entry ${fault.index}: ${fault.code}${detail}`
}
