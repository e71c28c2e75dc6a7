// A message of the stream, read but not yet believed.
import { eventBodyOf, parseEventBody, type EventBody } from '@careseal/contracts'
import { leafHashOf } from './chain.js'
import { agreedBody, chainFields, type ChainFields, type HeaderRecord } from './event-headers.js'
import type { LedgerEvent } from './ledger-event.js'
import { producerIn } from './subject.js'

/** What somebody says is event `seq` of a producer. Only the chain decides whether it is. */
export type Candidate = ChainFields & {
  producer: string
  subject: string
  body: Uint8Array
  /** The body's JSON, where it was parsed already. */
  json?: object
  traceparent?: string
}

export type StreamMessage = { subject: string; headers: HeaderRecord; body: Uint8Array }

/**
 * `unreadable` counts as missing: its headers lack something or say other things than its body. `stale` was read before
 * and costs no parsing. `isStale` decides by producer and seq.
 */
export type Reading =
  { kind: 'candidate'; candidate: Candidate } | { kind: 'stale' } | { kind: 'unreadable'; producer: string | null }

/** Reads one message, as cheaply as its age allows. */
export function readMessage(message: StreamMessage, isStale: (producer: string, seq: number) => boolean): Reading {
  const { subject, headers, body } = message
  const producer = producerIn(subject)
  const chain = chainFields(headers)
  if (producer === null || chain === null) return { kind: 'unreadable', producer }
  if (isStale(producer, chain.seq)) return { kind: 'stale' }
  const json = agreedBody(headers, subject, body)
  if (json === null) return { kind: 'unreadable', producer }
  const traceparent = headers['traceparent']?.[0]
  return {
    kind: 'candidate',
    candidate: { ...chain, producer, subject, body, json, ...(traceparent === undefined ? {} : { traceparent }) },
  }
}

/** The candidate as an event, with its leaf hash. Whether its link fits is for the cursor to say. */
export function eventOf(candidate: Candidate): LedgerEvent {
  return new ReadEvent(candidate, leafHashOf(candidate))
}

class ReadEvent implements LedgerEvent {
  readonly producer: string
  readonly seq: number
  readonly link: string
  readonly tag: string
  readonly commitment: string
  readonly subject: string
  readonly body: Uint8Array
  readonly traceparent?: string
  readonly #json: object | undefined
  #event: EventBody | undefined

  constructor(
    candidate: Candidate,
    readonly leafHash: string,
  ) {
    this.producer = candidate.producer
    this.seq = candidate.seq
    this.link = candidate.link
    this.tag = candidate.tag
    this.commitment = candidate.commitment
    this.subject = candidate.subject
    this.body = candidate.body
    this.#json = candidate.json
    if (candidate.traceparent !== undefined) this.traceparent = candidate.traceparent
  }

  get event(): EventBody {
    this.#event ??= this.#json === undefined ? parseEventBody(this.body) : eventBodyOf(this.#json)
    return this.#event
  }
}
