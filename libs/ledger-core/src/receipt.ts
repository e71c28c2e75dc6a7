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
import type { Checkpoint } from './checkpoint.js'
import { leafEntryHash, type Leaf } from './entry.js'
import { policyAt, type LedgerKey } from './governance.js'
import type { Policy } from './policy.js'
import { parseTlogProof } from './tlog-proof.js'
import {
  CheckpointRefused,
  policyOf,
  readCheckpoint,
  verifyCheckpoint,
  type Primitives,
  type Trust,
  type TrustedCheckpoint,
} from './trust.js'
import { formatVkey } from './vkey.js'

/** Which version of which resource, as the event's data names it. */
type VersionName = { type: string; id: string; versionId: string }

/** All fields of a version in the order of their pointers, or some of them, each with its own proof. */
export type ReceiptRecord = VersionName & ({ fields: FieldOpening[] } | { shown: FieldProof[] })

export type Receipt = {
  v: 1
  /**
   * `body` in base64: the very bytes that are committed to. `opening` in hex. Both or neither: a holder who may not have
   * the opening can prove that the leaf stands, and nothing of what it commits to.
   */
  event: { type: string; body?: string; opening?: string }
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
  | `checkpoint-${CheckpointRefused['code'] | 'key-not-valid'}`

/** `body` is null when the receipt does not open it; its `type` is then a claim of the receipt alone. */
type Proven<C> = { ok: true; type: string; body: EventBodyLike | null; index: number; checkpoint: C }
type Refused = { ok: false; reason: ReceiptReason }

export type ReceiptVerdict = Proven<TrustedCheckpoint> | Refused
/** Of a receipt that nobody vouches for: its checkpoint is a claim. */
export type ReceiptExamination = Proven<Checkpoint> | Refused

/** What this library reads of an event's body; its schema is the business of `@careseal/contracts`. */
export type EventBodyLike = { id: string; type: string; time: string; content?: string; data: unknown }

export type ExamineReceiptOptions = Primitives & {
  hmacSha256: (key: Uint8Array, ...chunks: Uint8Array[]) => Uint8Array
}

export type VerifyReceiptOptions = Trust &
  ExamineReceiptOptions & {
    /** The history of keys as the verifier read it from the ledger, up to a size: a key counts for the sizes it names. */
    keys?: { known: readonly LedgerKey[]; upTo: number }
  }

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
export function verifyReceipt(receipt: Receipt, options: VerifyReceiptOptions): Promise<ReceiptVerdict> {
  return judge(receipt, options, (note) => believedCheckpoint(note, options))
}

/**
 * Whether a receipt is whole in itself: what it opens, its fields, and its place under its own checkpoint, whoever made
 * that. It proves nothing until somebody trusts the checkpoint.
 */
export function examineReceipt(receipt: Receipt, options: ExamineReceiptOptions): Promise<ReceiptExamination> {
  return judge(receipt, options, async (note) => readCheckpoint(note))
}

async function judge<C extends Checkpoint>(
  receipt: Receipt,
  options: ExamineReceiptOptions,
  checkpointOf: (note: string) => Promise<C>,
): Promise<Proven<C> | Refused> {
  try {
    const body = openedBody(receipt, options)
    if (receipt.record !== undefined) checkRecord(receipt.record, body, options)
    const { index, proof, checkpoint: note } = parseTlogProof(receipt.proof)
    const checkpoint = await checkpointOf(note)
    const leafHash = leafEntryHash(options.sha256, receipt.leaf)
    const { size, root } = checkpoint
    const stands = verifyInclusion(options.sha256, { index, size, leafHash, proof, root })
    if (!stands) throw new ReceiptRefused('inclusion-wrong')
    return { ok: true, type: receipt.event.type, body, index, checkpoint }
  } catch (error) {
    if (error instanceof ReceiptRefused) return { ok: false, reason: error.reason }
    if (error instanceof CheckpointRefused) return { ok: false, reason: `checkpoint-${error.code}` }
    return { ok: false, reason: 'malformed' }
  }
}

async function believedCheckpoint(note: string, options: VerifyReceiptOptions): Promise<TrustedCheckpoint> {
  const trusted = await verifyCheckpoint(note, options, options)
  if (options.keys === undefined) return trusted
  try {
    return await verifyCheckpoint(note, { policy: countingAt(trusted.size, options.keys, options) }, options)
  } catch {
    throw new ReceiptRefused('checkpoint-key-not-valid')
  }
}

function countingAt(
  size: number,
  { known, upTo }: { known: readonly LedgerKey[]; upTo: number },
  options: VerifyReceiptOptions,
): Policy {
  const policy = policyOf(options.sha256, options)
  const counting = policyAt(options.sha256, policy, { keys: known, size })
  if (size <= upTo) return counting
  // Beyond what the verifier has read, a key that it trusts and has not met there may have come since.
  const met = new Set(known.map(({ vkey }) => vkey))
  const later = policy.logs.filter(({ vkey }) => !met.has(formatVkey(vkey)))
  return { ...counting, logs: [...counting.logs, ...later] }
}

/** A receipt as JSON text; reading it verifies nothing. */
export function parseReceipt(text: string): Receipt {
  return JSON.parse(text) as Receipt
}

function openedBody({ v, event, leaf }: Receipt, { hmacSha256 }: ExamineReceiptOptions): EventBodyLike | null {
  if (v !== 1 || typeof event.type !== 'string') throw new ReceiptRefused('malformed')
  const { body: encoded, opening } = event
  if (encoded === undefined && opening === undefined) return null
  if (encoded === undefined || opening === undefined) throw new ReceiptRefused('malformed')
  const bytes = fromBase64(encoded)
  const commitment = hmacSha256(fromHex(opening, 32), eventMessage(event.type, bytes))
  if (!equalHashes(commitment, fromHex(leaf.commitment, 32))) throw new ReceiptRefused('commitment-wrong')
  const body = JSON.parse(fromUtf8(bytes)) as EventBodyLike
  if (body?.type !== event.type) throw new ReceiptRefused('body-wrong')
  return body
}

function checkRecord(record: ReceiptRecord, body: EventBodyLike | null, options: Primitives): void {
  const data = Object(body?.data) as Partial<VersionName>
  const named = data.type === record.type && data.id === record.id && data.versionId === record.versionId
  if (!named || body?.content === undefined) throw new ReceiptRefused('record-wrong')
  const content = fromHex(body.content, 32)
  if (!fieldsStand(record, content, options)) throw new ReceiptRefused('content-wrong')
}

function fieldsStand(record: ReceiptRecord, content: Hash, { sha256 }: Primitives): boolean {
  if ('fields' in record) return hex(rootOfFields(sha256, record.fields)) === hex(content)
  return record.shown.length > 0 && record.shown.every((field) => verifyFieldWith(sha256, content, field))
}
