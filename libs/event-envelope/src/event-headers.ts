// CloudEvents 1.0, NATS binding, binary mode. Headers are copies of what the body says and of the place in the chain:
// a message whose copies differ from its body counts as missing, so nothing here is trusted on its own.
import { bodyJson, EVENT_TYPES, subjectOf, type EventType } from '@careseal/contracts'
import { isHash } from './chain.js'
import type { OutgoingEvent } from './ledger-event.js'
import { producerIn } from './subject.js'

/** Headers by name. What NATS allows twice, we do not: a repeated header makes the message unreadable. */
export type HeaderRecord = Record<string, string[]>

export type ChainFields = { seq: number; tag: string; commitment: string; link: string }

type BodyFields = { id: string; type: string; time: string }

const PLAIN = /^[\x21\x23\x24\x26-\x7e]*$/
const KNOWN_TYPES: ReadonlySet<string> = new Set(EVENT_TYPES)

type CopiedHeader = readonly [name: string, value: (producer: string, body: BodyFields) => string]

/** CloudEvents headers and what they are copies of. One list for writing and for comparing; both run for every event. */
const COPIES: readonly CopiedHeader[] = [
  ['ce-specversion', () => '1.0'],
  ['ce-id', (_producer, { id }) => encodeHeaderValue(id)],
  ['ce-source', (producer) => encodeHeaderValue(sourceOf(producer))],
  ['ce-type', (_producer, { type }) => encodeHeaderValue(type)],
  ['ce-time', (_producer, { time }) => encodeHeaderValue(time)],
  ['ce-datacontenttype', () => 'application/json'],
]

/** The CloudEvents source of a producer. */
export function sourceOf(producer: string): string {
  return `/producers/${producer}`
}

/** All headers of an outgoing event. Throws when its body is not an event or its subject is another producer's. */
export function eventHeaders(event: OutgoingEvent): HeaderRecord {
  const body = bodyFields(event.body)
  if (body === null) throw new RangeError(`the body of ${event.producer}:${event.seq} is no event`)
  if (producerIn(event.subject) !== event.producer) throw new RangeError('subject and producer differ')
  return headersWith(event, body)
}

/** Headers of what may be no event: of a body that cannot be read, those of its place in the chain alone. */
export function letterHeaders(event: OutgoingEvent): HeaderRecord {
  return headersWith(event, bodyFields(event.body))
}

function headersWith(event: OutgoingEvent, body: BodyFields | null): HeaderRecord {
  const headers: HeaderRecord = {}
  if (body !== null) for (const [name, valueOf] of COPIES) headers[name] = [valueOf(event.producer, body)]
  headers['ledger-seq'] = [String(event.seq)]
  headers['ledger-link'] = [event.link]
  headers['ledger-tag'] = [event.tag]
  headers['ledger-commitment'] = [event.commitment]
  headers['Nats-Msg-Id'] = [messageId(event)]
  if (event.traceparent !== undefined) headers['traceparent'] = [event.traceparent]
  return headers
}

/** Deduplication key of an event within the stream's duplicate window. */
export function messageId({ producer, seq }: { producer: string; seq: number }): string {
  return `${producer}:${seq}`
}

/** The place in the chain that the headers claim, or null when a field is missing or malformed. */
export function chainFields(headers: HeaderRecord): ChainFields | null {
  const seq = Number(single(headers, 'ledger-seq'))
  if (!Number.isSafeInteger(seq) || seq < 1) return null
  const tag = single(headers, 'ledger-tag')
  const commitment = single(headers, 'ledger-commitment')
  const link = single(headers, 'ledger-link')
  return isHash(tag) && isHash(commitment) && isHash(link) ? { seq, tag, commitment, link } : null
}

/** True when the CloudEvents headers and the subject say the same as the body. */
export function agreesWithBody(headers: HeaderRecord, subject: string, body: Uint8Array): boolean {
  return agreedBody(headers, subject, body) !== null
}

/** The body's JSON when the CloudEvents headers and the subject say the same as it, else null. */
export function agreedBody(headers: HeaderRecord, subject: string, body: Uint8Array): object | null {
  const producer = producerIn(subject)
  const fields = bodyFields(body)
  if (producer === null || fields === null) return null
  const agrees = COPIES.every(([name, valueOf]) => single(headers, name) === valueOf(producer, fields))
  return agrees && isSubjectOf(subject, producer, fields.type) ? fields : null
}

/** CloudEvents percent encoding: UTF-8 bytes of what is not printable ASCII, and of space, quote and percent sign. */
export function encodeHeaderValue(text: string): string {
  if (PLAIN.test(text)) return text
  if (!text.isWellFormed()) throw new RangeError('a header value must be well-formed text')
  let encoded = ''
  for (const letter of text) encoded += PLAIN.test(letter) ? letter : percentEncoded(letter)
  return encoded
}

/** The reverse of `encodeHeaderValue`; also reads what others encoded without need. Throws on broken encodings. */
export function decodeHeaderValue(encoded: string): string {
  return decodeURIComponent(encoded)
}

function percentEncoded(letter: string): string {
  const bytes = [...new TextEncoder().encode(letter)]
  return bytes.map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
}

function bodyFields(bytes: Uint8Array): BodyFields | null {
  try {
    const json = bodyJson(bytes) as BodyFields
    return isPlainText(json.id) && isPlainText(json.type) && isPlainText(json.time) ? json : null
  } catch {
    return null
  }
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value.isWellFormed()
}

// A newer producer may publish a type that this program does not know yet: its leaf must be read all the same.
function isSubjectOf(subject: string, producer: string, type: string): boolean {
  return !KNOWN_TYPES.has(type) || subject === subjectOf(type as EventType, producer)
}

function single(headers: HeaderRecord, key: string): string | undefined {
  const values = headers[key]
  return values?.length === 1 ? values[0] : undefined
}
