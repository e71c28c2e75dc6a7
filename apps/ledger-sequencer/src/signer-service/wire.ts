// What goes between sequencer and signer over HTTP: JSON, hashes and bytes in hex. Both sides read it strictly.
import { parseEntry, encodeAdmin, type PlacedAdmin } from '@careseal/ledger-core'
import { z } from 'zod'

const hexBytes = z.string().regex(/^([0-9a-f]{2})*$/)
const hash = z.string().regex(/^[0-9a-f]{64}$/)
const size = z.int().nonnegative()
const text = z.string().min(1).max(100_000)
// As many as there are: a log's retired keys stay for ever, and a limit here would silence the signer for good one day.
const vkeys = z.array(text)

const Tree = z.strictObject({ size, root: hash })
const Placed = z.strictObject({ index: size, entry: hexBytes })
const Tombstone = z.strictObject({
  subjectId: text,
  key: z.strictObject({ id: text, version: z.int() }).nullable(),
})

export const Facts = z.strictObject({
  genesisEntry: hexBytes,
  signed: Tree,
  vkeys,
  retreat: Placed.nullable(),
})
export const SignAsked = z.strictObject({ oldSize: size, proof: z.array(hash).max(64), text, vkeys })
export const Signed = z.union([
  z.strictObject({ note: text }),
  z.strictObject({ conflict: size }),
  z.strictObject({ refused: text }),
])
export const KeyAsked = z.strictObject({ known: vkeys })
export const KeyAnswered = z.strictObject({ vkey: text })
export const RetreatAsked = Placed
export const Retreated = z.union([z.strictObject({ retreated: Tree }), z.strictObject({ refused: text })])
export const TombstonesAsked = z.strictObject({ service: text, after: size, limit: z.int().positive().max(10_000) })
export const TombstonePage = z.strictObject({ tombstones: z.array(Tombstone), next: size.nullable() })
export const KeptTombstones = z.strictObject({})
export const TombstonesAdded = z.strictObject({ service: text, tombstones: z.array(Tombstone).max(10_000) })

/** Path → what is asked; all are POST. */
export const PATHS = {
  read: '/signer/read',
  sign: '/signer/sign',
  key: '/signer/prepare-key',
  retreat: '/signer/retreat',
  listTombstones: '/signer/list-tombstones',
  addTombstones: '/signer/add-tombstones',
} as const

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function formatPlaced({ index, admin }: PlacedAdmin): z.infer<typeof Placed> {
  return { index, entry: hexOf(encodeAdmin(admin)) }
}

/** Throws Malformed for bytes that are no administration entry. */
export function parsePlaced({ index, entry }: z.infer<typeof Placed>): PlacedAdmin {
  const parsed = parseEntry(Buffer.from(entry, 'hex'))
  if (!('admin' in parsed)) throw new Error('not an administration entry')
  return { index, admin: parsed.admin }
}
