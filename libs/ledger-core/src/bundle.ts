// Entry bundles of C2SP tlog-tiles: up to 256 entries, each behind its length as an unsigned 16-bit number.
import { concat } from '@careseal/crypto/portable'
import { TILE_WIDTH } from '@careseal/merkle'
import { ENTRY_BYTES_MAX } from './entry.js'
import { Malformed } from './malformed.js'

/** The bytes of a bundle. Throws Malformed for an entry that is too long, or too many of them. */
export function formatBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH) throw new Malformed('a bundle has at most 256 entries')
  return concat(...entries.flatMap((entry) => [lengthOf(entry), entry]))
}

/** The entries of a bundle. Throws Malformed when it is cut off. */
export function parseBundle(bundle: Uint8Array): Uint8Array[] {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length;) {
    const start = at + 2
    const end = start + (bundle[at] as number) * 256 + (bundle[at + 1] ?? 0)
    if (end > bundle.length || entries.length === TILE_WIDTH) throw new Malformed('not a bundle of entries')
    entries.push(bundle.slice(start, end))
    at = end
  }
  return entries
}

function lengthOf({ length }: Uint8Array): Uint8Array {
  if (length > ENTRY_BYTES_MAX) throw new Malformed('an entry has at most 65535 bytes')
  return Uint8Array.of(length >> 8, length & 0xff)
}
