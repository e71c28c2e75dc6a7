// What a producer answers to an outside consumer, straight from its tables: events in full that were granted, and what
// the chain needs of the others. So nothing of the broker has to be believed or even to be there.
import {
  commandSubject,
  DEADLINE_HEADER,
  FAILURE_HEADER,
  incarnationOf,
  REJECTION_HEADER,
  ReplayFor,
  type WithheldEvent,
} from '@careseal/contracts'
import { eventOf, headersIn, producerIn, type HeaderRecord, type LedgerEvent } from '@careseal/event-envelope'
import { createInbox, headers, type NatsConnection } from 'nats'
import { ServiceFailed } from '../failures.js'

/** One place of a producer's chain: an event, or what stands for one that was withheld. */
export type ChainPlace = WithheldEvent & { event: LedgerEvent | null }

export type ReplayPage = { places: ChainPlace[]; hasMore: boolean }

const PAGE_EVENTS = 5000
const DEADLINE_MS = 5000

/** Asks `cmd.<service>.replay-for.<consumer>`. Rejects with ServiceFailed. */
export async function replayPage(
  nc: NatsConnection,
  consumer: string,
  { producer, from }: { producer: string; from: number },
): Promise<ReplayPage> {
  const subject = `${commandSubject(incarnationOf(producer).service, 'replay-for')}.${consumer}`
  const { headers: heard, body } = await ask(nc, consumer, subject, { producer, from, limit: PAGE_EVENTS })
  const refused = heard[REJECTION_HEADER]?.[0] ?? heard[FAILURE_HEADER]?.[0]
  if (refused !== undefined) throw new ServiceFailed(subject, refused)
  // Nobody listens there, or whoever does says nothing.
  if (body.length === 0) throw new ServiceFailed(subject, 'no-answer')
  const parsed = ReplayFor.reply.safeParse(jsonOf(body))
  if (!parsed.success) throw new ServiceFailed(subject, 'bad-reply')
  const places = parsed.data.events.map((event): ChainPlace => {
    if (!('body' in event)) return { ...event, event: null }
    const whole = eventOf({ ...event, producer, body: Buffer.from(event.body, 'base64') })
    return { seq: whole.seq, link: whole.link, leafHash: whole.leafHash, event: whole }
  })
  const isForeign = places.some(({ event }) => event !== null && producerIn(event.subject) !== producer)
  const isOrdered = places.every(({ seq }, index) => seq === from + index)
  if (isForeign || !isOrdered) throw new ServiceFailed(subject, 'bad-reply')
  return { places, hasMore: parsed.data.next !== null && places.length > 0 }
}

type Reply = { headers: HeaderRecord; body: Uint8Array }

// Not by a request of the client library: it looks at the headers of an answer without a body, and at a name that it does
// not like it throws where that ends the connection, for the events of all producers.
async function ask(nc: NatsConnection, consumer: string, subject: string, question: object): Promise<Reply> {
  const sent = headers()
  sent.set(DEADLINE_HEADER, String(DEADLINE_MS))
  const reply = createInbox(`_INBOX.${consumer}`)
  const answer = Promise.withResolvers<Reply>()
  try {
    nc.subscribe(reply, {
      max: 1,
      timeout: DEADLINE_MS,
      callback: (error, message) => {
        if (error !== null) answer.reject(error)
        else answer.resolve({ headers: headersIn(message), body: message.data })
      },
    })
    nc.publish(subject, JSON.stringify(question), { reply, headers: sent })
    return await answer.promise
  } catch (cause) {
    throw new ServiceFailed(subject, 'no-answer', { cause })
  }
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body))
  } catch {
    return null
  }
}
