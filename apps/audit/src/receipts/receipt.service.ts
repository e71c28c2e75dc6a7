// Puts a receipt together: the opening from the producer that wrote the event, the proof from the ledger. Each of them
// is asked through a circuit breaker, and without either there is no receipt.
import { Inject, Injectable } from '@nestjs/common'
import type { Caller, CommandReply } from '@careseal/contracts'
import type { Receipt } from '@careseal/ledger-core'
import { MessagingError, request, type NatsConnection } from '@careseal/messaging'
import { LedgerClient, OpenLeaf } from '@careseal/nest-event-store'
import { NATS } from '@careseal/nest-jetstream'
import { HttpProblem } from '@careseal/service-kit'
import type { LoggedAccess } from '../access-log/access-log.query.js'

type Opened = Exclude<CommandReply<'open-leaf'>, { rejected: string }>

const DEADLINE_MS = 3_000
const RETRY_AFTER_SECONDS = 2

@Injectable()
export class ReceiptService {
  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly ownLeaves: OpenLeaf,
    private readonly ledger: LedgerClient,
  ) {}

  /** Throws HttpProblem: 404, 410 once the opening is destroyed, 503 with Retry-After until the event is sealed. */
  async receiptOf(caller: Caller, { producer, eventId }: LoggedAccess): Promise<Receipt> {
    const opened = await this.open(producer, { eventId, caller })
    const proof = opened.leafIndex === null ? null : await this.proofOf(opened.leafIndex)
    if (proof === null || opened.seq === null) throw notSealed()
    const { seq, tag, commitment, type, body, opening } = opened
    return { v: 1, event: { type, body, opening }, leaf: { producer: opened.producer, seq, tag, commitment }, proof }
  }

  private async open(producer: string, asked: { eventId: string; caller: Caller }): Promise<Opened> {
    // `consent-2` is the consent service in a later incarnation.
    const service = producer.replace(/-\d+$/, '')
    const reply = await (service === 'audit' ? this.ownLeaves.open(asked) : this.ask(service, asked))
    if (!('rejected' in reply)) return reply
    if (reply.rejected === 'opening-destroyed') {
      throw new HttpProblem(410, 'opening-destroyed', 'What opens this event was destroyed at an erasure.')
    }
    throw new HttpProblem(404, 'not-found', 'There is no such access.')
  }

  private async ask(service: string, asked: { eventId: string; caller: Caller }) {
    try {
      return await request(this.nc, service, 'open-leaf', asked, { deadlineMs: DEADLINE_MS })
    } catch (error) {
      if (error instanceof MessagingError) throw unavailable('producer-unavailable', error)
      throw error
    }
  }

  private async proofOf(leafIndex: number): Promise<string | null> {
    try {
      return await this.ledger.proofFile(leafIndex)
    } catch (error) {
      if (error instanceof MessagingError) throw unavailable('ledger-unavailable', error)
      throw error
    }
  }
}

function notSealed(): HttpProblem {
  return unavailable('not-sealed', undefined)
}

function unavailable(code: string, cause: unknown): HttpProblem {
  const detail = 'The receipt is not available yet; try again.'
  return new HttpProblem(503, code, detail, { headers: { 'retry-after': String(RETRY_AFTER_SECONDS) }, cause })
}
