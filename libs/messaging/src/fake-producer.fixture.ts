// For specs: a producer whose outbox is an array, chained as the real one chains its tables.
import { subjectOf, type EventData, type EventType, type Producer } from '@careseal/contracts'
import type { NatsConnection } from 'nats'
import { respond, type Responder } from './calls/respond.js'
import {
  firstLinkOf,
  leafHashOf,
  nextLinkOf,
  type OutgoingEvent,
  type ProducerPosition,
} from '@careseal/event-envelope'

export const ORIGIN = 'ledger.example/test'

const id = (number: number) => `00000000-0000-4000-8000-${number.toString().padStart(12, '0')}`
const actor = { actorId: id(1), role: 'practitioner' } as const

const samples: Record<Producer, { type: EventType; data: EventData }> = {
  audit: { type: 'AccessLogRead', data: { ...actor, patientId: id(2), entries: 1 } },
  consent: { type: 'ConsentRead', data: { ...actor, patientId: id(2), consents: [] } },
  identity: { type: 'AccountClosed', data: { accountId: id(3) } },
  records: { type: 'RecordRead', data: { ...actor, purpose: 'TREAT', interaction: 'read', versions: [] } },
}

/** A body that contracts accept, as its producer would write it. */
export function sampleBody(producer: Producer, number: number): { type: EventType; body: Uint8Array } {
  const { type, data } = samples[producer]
  const event = { data, id: id(number), schemaVersion: 1, time: '2026-01-01T00:00:00Z', type }
  return { type, body: new TextEncoder().encode(JSON.stringify(event)) }
}

export class FakeProducer {
  readonly events: OutgoingEvent[] = []
  /** How often its outbox was replayed. */
  replays = 0
  private answering: Responder[] = []

  constructor(readonly name: Producer) {}

  get head(): ProducerPosition {
    const last = this.events.at(-1)
    return last ? { seq: last.seq, link: last.link } : { seq: 0, link: firstLinkOf(ORIGIN, this.name) }
  }

  /** Numbers and chains `count` more events, and returns them. */
  add(count: number, salt = 0): OutgoingEvent[] {
    const from = this.events.length
    for (let added = 0; added < count; added++) this.events.push(this.next(salt))
    return this.events.slice(from)
  }

  answerOn(nc: NatsConnection): void {
    this.answering = [
      respond(nc, this.name, 'outbox-head', () => ({
        producer: this.name,
        lastSeq: this.head.seq,
        lastLink: this.head.link,
      })),
      respond(nc, this.name, 'replay-outbox', ({ from, limit }) => this.page(from, Math.min(limit, 200))),
    ]
  }

  async fallSilent(): Promise<void> {
    await Promise.all(this.answering.map((responder) => responder.stop()))
  }

  private page(from: number, limit: number) {
    this.replays++
    const events = this.events.slice(from - 1, from - 1 + limit)
    const next = from + events.length
    return {
      events: events.map(({ seq, tag, commitment, link, subject, body }) => {
        return { seq, tag, commitment, link, subject, body: Buffer.from(body).toString('base64') }
      }),
      next: next <= this.events.length ? next : null,
    }
  }

  private next(salt: number): OutgoingEvent {
    const seq = this.events.length + 1
    const tag = (seq * 7 + salt).toString(16).padStart(64, '0')
    const commitment = (seq * 11 + salt).toString(16).padStart(64, '0')
    const leaf = { producer: this.name, seq, tag, commitment }
    const { type, body } = sampleBody(this.name, seq)
    const link = nextLinkOf(this.head.link, leafHashOf(leaf))
    return { ...leaf, link, body, subject: subjectOf(type, this.name) }
  }
}
