// What a verified receipt proves, and what is wrong with one that does not, for people.
import type { Receipt, ReceiptExamination, ReceiptReason, ReceiptRecord } from '@careseal/ledger-core'

type Field = { pointer: string; value: unknown }

/** The fields that a receipt shows and proves; `allFields` when none of the version is held back. */
export function shownOf(record: ReceiptRecord): { fields: Field[]; allFields: boolean } {
  const allFields = 'fields' in record
  const fields = (allFields ? record.fields : record.shown).map(({ pointer, value }) => ({ pointer, value }))
  return { fields, allFields }
}

/** The same in one line, or a line per field when some are held back: those are what the receipt was asked for. */
export function shownText(record: ReceiptRecord): string {
  const { fields, allFields } = shownOf(record)
  if (allFields) return `all ${fields.length} fields of the version stand`
  const lines = fields.map(({ pointer, value }) => `${pointer} = ${JSON.stringify(value)}`)
  return `${lines.join('\n')}\nthe other fields are not shown, and nothing is proven of them`
}

const EXPLANATIONS: Record<ReceiptReason, string> = {
  malformed: 'this is no receipt of version 1',
  'body-wrong': 'the event is not of the type that the receipt names',
  'commitment-wrong': 'the event or its opening is not what the leaf commits to',
  'inclusion-wrong': 'the leaf does not stand at this place under the checkpoint',
  'record-wrong': 'the event is about another version than the record names',
  'content-wrong': 'a field is not the one that the event commits to',
  'checkpoint-malformed': 'the checkpoint cannot be read',
  'checkpoint-signature-invalid': 'a signature of the checkpoint is wrong',
  'checkpoint-no-known-signature': 'no key that you trust has signed the checkpoint',
  'checkpoint-origin-of-another-key': 'the checkpoint speaks for another log than the key that signed it',
  'checkpoint-key-not-valid':
    'the key that signed the checkpoint does not count at its size: it was retired, or not yet added',
  'checkpoint-quorum-not-met': 'fewer witnesses have signed than your policy wants',
}

export function explanationOf(reason: ReceiptReason): string {
  return EXPLANATIONS[reason]
}

type Shown = Extract<ReceiptExamination, { ok: true }>

/** What a receipt is about, in one line: the event if it opens it, and its place. */
export function subjectText({ record, leaf }: Receipt, { type, body, index, checkpoint }: Shown): string {
  const of = record ? ` of ${record.type}/${record.id}/_history/${record.versionId}` : ''
  const event = body ? `${type}${of}, ${body.time}` : `leaf ${leaf.seq} of ${leaf.producer}, whose event is not opened`
  return `${event}; entry ${index} under the checkpoint of size ${checkpoint.size} of ${checkpoint.origin}`
}
