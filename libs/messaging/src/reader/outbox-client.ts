// The producers' side of completeness: their heads and, from any seq on, their events, straight from their tables.
import { incarnationOf } from '@careseal/contracts'
import { MessagingError } from '../errors.js'
import type { NatsConnection } from 'nats'
import { ask } from '../calls/request.js'
import { producerIn, type ProducerPosition, type Candidate } from '@careseal/event-envelope'

export type ReplayPage = { events: Candidate[]; hasMore: boolean }

/** Asks producers. Rejects with a MessagingError when one does not answer for itself in time. */
export type OutboxClient = {
  head(producer: string): Promise<ProducerPosition>
  replay(producer: string, from: number): Promise<ReplayPage>
}

const PAGE_EVENTS = 2000

export function outboxClient(nc: NatsConnection, deadlineMs: number): OutboxClient {
  return {
    head: async (producer) => {
      const head = await ask(nc, incarnationOf(producer).service, 'outbox-head', { producer }, { deadlineMs })
      if (head.producer !== producer)
        throw new MessagingError('other-incarnation', 'it answers for another incarnation')
      return { seq: head.lastSeq, link: head.lastLink }
    },
    replay: async (producer, from) => {
      const question = { producer, from, limit: PAGE_EVENTS }
      const page = await ask(nc, incarnationOf(producer).service, 'replay-outbox', question, {
        deadlineMs: 5 * deadlineMs,
      })
      const events = page.events.map(({ body, ...event }) => ({
        ...event,
        producer,
        body: Buffer.from(body, 'base64'),
      }))
      if (events.some((event) => producerIn(event.subject) !== producer)) {
        throw new MessagingError('foreign-subject', 'it answers with events of another producer')
      }
      const hasMore = page.next !== null
      // Asking on from here would never end.
      if (hasMore && (events.at(-1)?.seq ?? 0) < from)
        throw new MessagingError('no-progress', 'it answers with no event')
      return { events, hasMore }
    },
  }
}
