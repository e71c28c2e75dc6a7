// A receipt proves offline that an event is on the ledger and, if it holds fields, what a version of a record says.
import {
  eventMessage,
  fromBase64,
  fromHex,
  fromUtf8,
  hex,
  rootOfFields,
  verifyFieldWith,
  type FieldOpening,
  type FieldProof,
} from '@careseal/crypto/portable'
import { equalHashes, verifyInclusion, type Hash } from '@careseal/merkle'
import { leafEntryHash, type Leaf } from './entry.js'
import { parseTlogProof } from './tlog-proof.js'
import { CheckpointRefused, verifyCheckpoint, type Primitives, type Trust, type TrustedCheckpoint } from './trust.js'

/** Which version of which resource, as the event's data names it. */
type VersionName = { type: string; id: string; versionId: string }

/** All fields of a version in the order of their pointers, or some of them, each with its own proof. */
export type ReceiptRecord = VersionName & ({ fields: FieldOpening[] } | { shown: FieldProof[] })

export type Receipt = {
  v: 1
  /** `body` in base64: the very bytes that are committed to. `opening` in hex. */
  event: { type: string; body: string; opening: string }
  leaf: Leaf
  /** The text of a tlog-proof file. */
  proof: string
  record?: ReceiptRecord
}

export type ReceiptReason =
  | 'malformed'
  | 'body-wrong'
  | 'commitment-wrong'
  | 'inclusion-wrong'
  | 'record-wrong'
  | 'content-wrong'
  | `checkpoint-${CheckpointRefused['code']}`

export type ReceiptVerdict =
  | { ok: true; type: string; body: EventBodyLike; index: number; checkpoint: TrustedCheckpoint }
  | { ok: false; reason: ReceiptReason }

/** What this library reads of an event's body; its schema is the business of `@careseal/contracts`. */
export type EventBodyLike = { id: string; type: string; time: string; content?: string; data: unknown }

export type VerifyReceiptOptions = Trust &
  Primitives & { hmacSha256: (key: Uint8Array, ...chunks: Uint8Array[]) => Uint8Array }

class ReceiptRefused extends Error {
  constructor(readonly reason: ReceiptReason) {
    super(reason)
  }
}

/**
 * Whether an event is on the ledger of a trusted log, and its record's fields are those committed to.
 *
 * How old the checkpoint may be, and who signs for what, is the caller's: see the verdict's checkpoint and body.
 */
export async function verifyReceipt(receipt: Receipt, options: VerifyReceiptOptions): Promise<ReceiptVerdict> {
  try {
    const body = openedBody(receipt, options)
    if (receipt.record !== undefined) checkRecord(receipt.record, body, options)
    const { index, checkpoint } = await included(receipt, options)
    return { ok: true, type: body.type, body, index, checkpoint }
  } catch (error) {
    if (error instanceof ReceiptRefused) return { ok: false, reason: error.reason }
    if (error instanceof CheckpointRefused) return { ok: false, reason: `checkpoint-${error.code}` }
    return { ok: false, reason: 'malformed' }
  }
}

/** A receipt as JSON text; reading it verifies nothing. */
export function parseReceipt(text: string): Receipt {
  return JSON.parse(text) as Receipt
}

function openedBody({ v, event, leaf }: Receipt, { hmacSha256 }: VerifyReceiptOptions): EventBodyLike {
  if (v !== 1) throw new ReceiptRefused('malformed')
  const bytes = fromBase64(event.body)
  const commitment = hmacSha256(fromHex(event.opening, 32), eventMessage(event.type, bytes))
  if (!equalHashes(commitment, fromHex(leaf.commitment, 32))) throw new ReceiptRefused('commitment-wrong')
  const body = JSON.parse(fromUtf8(bytes)) as EventBodyLike
  if (body?.type !== event.type) throw new ReceiptRefused('body-wrong')
  return body
}

async function included(receipt: Receipt, options: VerifyReceiptOptions) {
  const { index, proof, checkpoint: note } = parseTlogProof(receipt.proof)
  const checkpoint = await verifyCheckpoint(note, options, options)
  const leafHash = leafEntryHash(options.sha256, receipt.leaf)
  const { size, root } = checkpoint
  const stands = verifyInclusion(options.sha256, { index, size, leafHash, proof, root })
  if (!stands) throw new ReceiptRefused('inclusion-wrong')
  return { index, checkpoint }
}

function checkRecord(record: ReceiptRecord, body: EventBodyLike, options: VerifyReceiptOptions): void {
  const data = Object(body.data) as Partial<VersionName>
  const named = data.type === record.type && data.id === record.id && data.versionId === record.versionId
  if (!named || body.content === undefined) throw new ReceiptRefused('record-wrong')
  const content = fromHex(body.content, 32)
  if (!fieldsStand(record, content, options)) throw new ReceiptRefused('content-wrong')
}

function fieldsStand(record: ReceiptRecord, content: Hash, { sha256 }: VerifyReceiptOptions): boolean {
  if ('fields' in record) return hex(rootOfFields(sha256, record.fields)) === hex(content)
  return record.shown.length > 0 && record.shown.every((field) => verifyFieldWith(sha256, content, field))
}
