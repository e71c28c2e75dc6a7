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
import { eventOf, producerIn, type LedgerEvent } from '@careseal/event-envelope'
import { headers, type Msg, type NatsConnection } from 'nats'
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
  const reply = await ask(nc, subject, { producer, from, limit: PAGE_EVENTS })
  const parsed = ReplayFor.reply.safeParse(reply.json())
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

async function ask(nc: NatsConnection, subject: string, question: object): Promise<Msg> {
  const sent = headers()
  sent.set(DEADLINE_HEADER, String(DEADLINE_MS))
  const reply = await nc
    .request(subject, JSON.stringify(question), { timeout: DEADLINE_MS, headers: sent })
    .catch((cause: unknown) => {
      throw new ServiceFailed(subject, 'no-answer', { cause })
    })
  const refused = reply.headers?.get(REJECTION_HEADER) || reply.headers?.get(FAILURE_HEADER)
  if (refused) throw new ServiceFailed(subject, refused)
  return reply
}
