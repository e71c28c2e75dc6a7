// Events asked from their producers themselves, for a rebuild; the stream may no longer hold them.
import { incarnationOf, parseEventBody, type EventBody, type ReplayedEvent } from '@careseal/contracts'
import { hex, sha256 } from '@careseal/crypto'
import { leafEntryHash } from '@careseal/ledger-core'
import { request, type LedgerEvent, type NatsConnection } from '@careseal/messaging'

const HEAD_DEADLINE_MS = 5_000
const REPLAY_DEADLINE_MS = 15_000
const PAGE_EVENTS = 1_000

/** The last number of each producer. Rejects when one does not answer: a rebuild from a part would look complete. */
export async function producerHeads(nc: NatsConnection, producers: readonly string[]): Promise<Record<string, number>> {
  const heads = await Promise.all(
    producers.map(async (producer) => {
      const head = await request(
        nc,
        incarnationOf(producer).service,
        'outbox-head',
        { producer },
        { deadlineMs: HEAD_DEADLINE_MS },
      )
      return [producer, head.lastSeq] as const
    }),
  )
  return Object.fromEntries(heads)
}

/** A page of a producer's events from a number on; empty at the head. Links are verified by whoever applies them. */
export function replayFrom(nc: NatsConnection): (producer: string, from: number) => Promise<LedgerEvent[]> {
  return async (producer, from) => {
    const asked = { producer, from, limit: PAGE_EVENTS }
    const { events } = await request(nc, incarnationOf(producer).service, 'replay-outbox', asked, {
      deadlineMs: REPLAY_DEADLINE_MS,
    })
    return events.map((event) => ledgerEvent(producer, event))
  }
}

function ledgerEvent(producer: string, { seq, link, tag, commitment, subject, body }: ReplayedEvent): LedgerEvent {
  const bytes = Buffer.from(body, 'base64')
  let event: EventBody | undefined
  return {
    producer,
    seq,
    link,
    tag,
    commitment,
    subject,
    leafHash: hex(leafEntryHash(sha256, { producer, seq, tag, commitment })),
    body: bytes,
    get event(): EventBody {
      return (event ??= parseEventBody(bytes))
    },
  }
}
