import { BaseRpcContext } from '@nestjs/microservices'
import { headersIn } from '@careseal/messaging'
import type { JsMsg } from '@nats-io/jetstream'

/** What a handler itself decided about its message. */
export type Decision = { kind: 'ack' } | { kind: 'nak'; delayMs?: number } | { kind: 'term'; reason: string }

/** What a handler of a durable consumer learns about its message besides the event, and how it settles it itself. */
export class JetStreamContext extends BaseRpcContext<[JsMsg]> {
  #decision: Decision | null = null

  constructor(
    message: JsMsg,
    /** Fires when this attempt is over; before the handler has ended, if it took too long. */
    readonly signal: AbortSignal = AbortSignal.any([]),
  ) {
    super([message])
  }

  get message(): JsMsg {
    return this.args[0]
  }

  get subject(): string {
    return this.message.subject
  }

  /** 1 at the first delivery. */
  get deliveryCount(): number {
    return this.message.info.deliveryCount
  }

  /** Whose chain the event stands in: the second token of the subject, which the broker's permissions guard. */
  get producer(): string {
    return this.subject.split('.')[1] ?? ''
  }

  /** Place in the producer's chain. With the link it is a position, for handlers that keep their own. */
  get ledgerSeq(): number {
    return Number(headersIn(this.message)['ledger-seq']?.[0])
  }

  /** The producer's chain up to and with this event, 64 hex digits. */
  get ledgerLink(): string {
    return headersIn(this.message)['ledger-link']?.[0] ?? ''
  }

  /** The first decision of the handler, or null; what it says afterwards does not count. */
  get decision(): Decision | null {
    return this.#decision
  }

  /** Done: whatever the handler still does or throws, the message never comes again. */
  ack(): void {
    this.#decision ??= { kind: 'ack' }
  }

  /** Not done: the message comes again, after `delayMs` or the back-off list's delay. */
  nak(delayMs?: number): void {
    this.#decision ??= { kind: 'nak', ...(delayMs === undefined ? {} : { delayMs }) }
  }

  /** Never again: the message is put aside as a dead letter. `reason` is a code. */
  term(reason: string): void {
    this.#decision ??= { kind: 'term', reason }
  }
}
