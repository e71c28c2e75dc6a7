import type { EventBody } from '@careseal/contracts'

/** How far a reader has come with one producer. `link` is 64 hex digits; at the start `seq` is 0 and `link` the first link. */
export type ProducerPosition = { seq: number; link: string }

/** A reader's position: a vector over producers, so that it survives a wiped broker. */
export type Position = Record<string, ProducerPosition>

/** One numbered event on its way to the stream. `tag`, `commitment` and `link` are 64 lower-case hex digits. */
export type OutgoingEvent = {
  producer: string
  seq: number
  subject: string
  body: Uint8Array
  tag: string
  commitment: string
  link: string
  /** W3C trace context of the command that caused it. */
  traceparent?: string
}

/**
 * One event whose place in its producer's chain was verified. Hashes are 64 lower-case hex digits.
 *
 * The chain proves `producer`, `seq`, `tag` and `commitment`; that `body` is what was committed to can be proved only
 * with the leaf's opening (`open-leaf`, receipts).
 */
export type LedgerEvent = {
  readonly producer: string
  readonly seq: number
  readonly link: string
  readonly tag: string
  readonly commitment: string
  readonly leafHash: string
  readonly subject: string
  readonly body: Uint8Array
  readonly traceparent?: string
  /** The parsed and validated body, made on first use. Throws a ZodError for an event that contracts does not know. */
  readonly event: EventBody
}
