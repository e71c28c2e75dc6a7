// One event until it is settled: handled, or put aside as a dead letter that the broker confirmed. Nothing is skipped.
import {
  incarnationOf,
  producerOf,
  subjectFilterOf,
  UnknownEventVersion,
  type EventBody,
  type EventType,
} from '@careseal/contracts'
import { letterHeaders, subjectMatches, type LedgerEvent } from '@careseal/event-envelope'
import { headers, type NatsConnection } from 'nats'
import { DeadLetter, HandlerTimeout } from '../failures.js'
import { pause } from './pause.js'
import { RecentIds } from './recent-ids.js'

/** What a handler learns besides the event. */
export type EventContext = {
  readonly producer: string
  /** Place in the producer's chain, from 1 and without gaps. */
  readonly seq: number
  /** 1 at the first attempt. */
  readonly attempt: number
  /** Hash of the event's leaf on the ledger, 64 hex digits. */
  readonly leafHash: string
  /** The producer's chain up to and with this event, 64 hex digits; `{ seq, link }` is where to go on after it. */
  readonly link: string
  /** Fires when this attempt is over; before the handler has ended, if it took too long. */
  readonly signal: AbortSignal
}

export type Handler = (event: EventBody, context: EventContext) => Promise<void> | void

export type HandlingOptions = {
  nc: NatsConnection
  durable: string
  types: ReadonlySet<EventType>
  onEvent: Handler
  maxAttempts: number
  backoffMs: readonly number[]
  handlerTimeoutMs: number
  /** Resolves once the event's leaf stands in a co-signed block; rejects with ProducerContradicts if it never will. */
  prove?: ((event: LedgerEvent, signal: AbortSignal) => Promise<void>) | undefined
  stopping: AbortSignal
  onRetry: (event: LedgerEvent, error: unknown) => void
  onDeadLetter: (event: LedgerEvent, reason: string) => void
}

const RECENT_IDS = 50_000
const DEAD_LETTER_TIMEOUT_MS = 5000

// Most handlers never look at the signal, and it costs more than the rest of the context.
class AttemptContext implements EventContext {
  readonly producer: string
  readonly seq: number
  readonly leafHash: string
  readonly link: string
  #ending: AbortController | undefined
  #hasEnded = false

  constructor(
    event: LedgerEvent,
    readonly attempt: number,
  ) {
    this.producer = event.producer
    this.seq = event.seq
    this.leafHash = event.leafHash
    this.link = event.link
  }

  get signal(): AbortSignal {
    this.#ending ??= new AbortController()
    if (this.#hasEnded) this.#ending.abort()
    return this.#ending.signal
  }

  end(): void {
    this.#hasEnded = true
    this.#ending?.abort()
  }
}

type EventReading = { body: EventBody } | { unreadable: string }

// Apart from the handler: what that throws, whatever it is called, says nothing about this event.
function readingOf(event: LedgerEvent): EventReading {
  try {
    return { body: event.event }
  } catch (error) {
    return { unreadable: error instanceof UnknownEventVersion ? error.code : 'invalid-event' }
  }
}

/** The consumer stops before this event was settled: it comes again. */
export class Unsettled extends Error {
  override readonly name = 'Unsettled'
}

export class Handling {
  private readonly recent = new RecentIds(RECENT_IDS)

  constructor(private readonly options: HandlingOptions) {}

  /** Resolves when the event is settled. Rejects with Unsettled at a stop, or as `prove` does. */
  async settle(event: LedgerEvent): Promise<void> {
    const { prove, stopping } = this.options
    if (prove !== undefined) await prove(event, stopping)
    const reading = readingOf(event)
    if ('unreadable' in reading) return this.isAsked(event) ? this.putAside(event, reading.unreadable) : undefined
    const { body } = reading
    if (!this.options.types.has(body.type)) return
    const { service } = incarnationOf(event.producer)
    // Rights let a service publish any type under its own name, and a filter of types lets it through.
    if (producerOf(body.type) !== service) return this.putAside(event, 'foreign-producer')
    const id = `${service}:${body.id}`
    if (this.recent.has(id)) return
    for (let attempt = 1; ; attempt++) {
      if (stopping.aborted) throw new Unsettled()
      try {
        await this.attempt(body, new AttemptContext(event, attempt))
        return this.recent.add(id)
      } catch (error) {
        const reason = this.deadLetterReason(error, attempt)
        if (reason !== null) return this.putAside(event, reason)
        this.options.onRetry(event, error)
        await pause(this.delayMs(attempt), stopping)
      }
    }
  }

  // Of what cannot be read the subject alone says what it is. More types may have been granted than are asked for.
  private isAsked({ subject }: LedgerEvent): boolean {
    return [...this.options.types].some((type) => subjectMatches(subjectFilterOf(type), subject))
  }

  private async attempt(body: EventBody, context: AttemptContext): Promise<void> {
    try {
      const work = this.options.onEvent(body, context)
      // Query builders and promises of other realms are only thenable.
      if (typeof work?.then === 'function') await this.inTime(Promise.resolve(work))
    } finally {
      context.end()
    }
  }

  private async inTime(work: Promise<void>): Promise<void> {
    const { handlerTimeoutMs } = this.options
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new HandlerTimeout(handlerTimeoutMs)), handlerTimeoutMs)
    // What a late attempt still comes to no longer counts, a failure of it neither.
    work.catch(() => undefined)
    await Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
  }

  // A code, never the error's words: those may quote the event.
  private deadLetterReason(error: unknown, attempt: number): string | null {
    if (error instanceof DeadLetter) return error.reason
    if (attempt < this.options.maxAttempts) return null
    const { code } = (error ?? {}) as { code?: unknown }
    return typeof code === 'string' ? `max-attempts: ${code}` : 'max-attempts'
  }

  // If we went on without it, the event would be lost: so it is tried until the broker has it.
  private async putAside(event: LedgerEvent, reason: string): Promise<void> {
    for (let attempt = 1; !this.options.stopping.aborted; attempt++) {
      try {
        await this.publishDeadLetter(event, reason)
        return this.options.onDeadLetter(event, reason)
      } catch (error) {
        this.options.onRetry(event, error)
        await pause(this.delayMs(attempt), this.options.stopping)
      }
    }
    throw new Unsettled()
  }

  private async publishDeadLetter(event: LedgerEvent, reason: string): Promise<void> {
    const { nc, durable } = this.options
    const sent = headers()
    for (const [name, values] of Object.entries(letterHeaders(event))) sent.set(name, values[0] as string)
    sent.set('dlq-subject', event.subject)
    sent.set('dlq-reason', reason.replaceAll(/[^\x20-\x7e]/g, ' '))
    sent.set('Nats-Msg-Id', `dlq:${durable}:${event.producer}:${event.seq}`)
    const settings = { headers: sent, timeout: DEAD_LETTER_TIMEOUT_MS }
    const reply = await nc.request(`dlq.${durable}`, event.body, settings)
    const ack = reply.json<{ stream?: string; error?: unknown }>()
    if (ack.error !== undefined || ack.stream !== 'DLQ') throw new Error('the dead letter was not stored')
  }

  private delayMs(attempt: number): number {
    const { backoffMs } = this.options
    return backoffMs[Math.min(attempt, backoffMs.length) - 1] ?? 0
  }
}
