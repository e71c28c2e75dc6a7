// What a producer published itself, read back from the broker after its database was rolled back. The broker may have
// lost or altered any of it, so whoever reads compares each event with its leaf on the ledger.
import { incarnationOf } from '@careseal/contracts'
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiError,
  ReplayPolicy,
  type ApiError,
  type ConsumerInfo,
} from '@nats-io/jetstream'
import { createInbox, nanos, type Msg, type NatsConnection } from 'nats'
import { setTimeout as delay } from 'node:timers/promises'
import { inboxPrefix, nameOf } from '../connection.js'
import { EVENTS_STREAM } from '../streams.js'
import { headersIn, readMessage, type Candidate } from '@careseal/event-envelope'
import { recoveryConsumer } from './reader-consumer.js'

export type { Candidate } from '@careseal/event-envelope'

const TIMEOUT_MS = 5_000
const SILENCE_MS_MAX = 10_000
const HEARTBEAT_MS = 2_000
const CONTROL = 100
const NAME_TAKEN = [10148, 10013, 10105]
const NAME_TAKEN_ATTEMPTS = 15
const STREAM_NOT_FOUND = 10059

/**
 * Reads all of the producer's events that the stream holds now; resolves at its end. Unreadable messages are left out.
 *
 * A broker that lost its data, and the stream with it, holds none. Needs the NATS user of the producer's own service. Rejects when the broker falls silent or refuses.
 */
export async function readOwnEvents(
  nc: NatsConnection,
  producer: string,
  onEvent: (event: Candidate) => void,
): Promise<void> {
  const inbox = createInbox(inboxPrefix(nameOf(nc)))
  const end = Promise.withResolvers<void>()
  // It may be settled before anybody waits for it.
  end.promise.catch(() => undefined)
  let heardAt = performance.now()
  const subscription = nc.subscribe(inbox, {
    callback: (error, message) => {
      heardAt = performance.now()
      if (error) return end.reject(error)
      if (message.subject === inbox) return answerControl(nc, message)
      if (receive(message, onEvent) === 0) end.resolve()
    },
  })
  const watch = setInterval(() => {
    if (performance.now() - heardAt > SILENCE_MS_MAX) end.reject(new Error('the broker fell silent'))
  }, HEARTBEAT_MS)
  try {
    if ((await makeConsumer(nc, producer, inbox)) === 0) end.resolve()
    await end.promise
  } finally {
    clearInterval(watch)
    // The broker removes the consumer when nobody listens any more.
    subscription.unsubscribe()
  }
}

// Under our own subject comes what the broker says; it waits for an answer to some of it.
function answerControl(nc: NatsConnection, message: Msg): void {
  const reply = message.reply || message.headers?.get('Nats-Consumer-Stalled')
  if (message.headers?.code === CONTROL && reply) nc.publish(reply)
}

/** How many messages are still to come after this one. */
function receive(message: Msg, onEvent: (event: Candidate) => void): number {
  const { subject, data: body } = message
  const reading = readMessage({ subject, headers: headersIn(message), body }, () => false)
  if (reading.kind === 'candidate') onEvent(reading.candidate)
  const tokens = (message.reply ?? '').split('.')
  return Number(tokens[tokens.length > 9 ? 10 : 8] ?? 0)
}

// How many messages will come. A former recovery's consumer keeps its name until the broker has noticed that nobody
// listens.
async function makeConsumer(nc: NatsConnection, producer: string, inbox: string): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    const { error, num_pending: pending } = await create(nc, producer, inbox)
    if (error === undefined) return pending
    if (error.err_code === STREAM_NOT_FOUND) return 0
    if (!NAME_TAKEN.includes(error.err_code) || attempt === NAME_TAKEN_ATTEMPTS) throw new JetStreamApiError(error)
    await delay(1_000)
  }
}

async function create(nc: NatsConnection, producer: string, inbox: string) {
  const name = recoveryConsumer(incarnationOf(producer).service)
  const filter = `evt.${producer}.>`
  const config = {
    name,
    filter_subject: filter,
    deliver_subject: inbox,
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    flow_control: true,
    idle_heartbeat: nanos(HEARTBEAT_MS),
    inactive_threshold: nanos(1_000),
    mem_storage: true,
    num_replicas: 1,
  }
  const body = JSON.stringify({ stream_name: EVENTS_STREAM.name, config, action: 'create' })
  const subject = `$JS.API.CONSUMER.CREATE.${EVENTS_STREAM.name}.${name}.${filter}`
  const reply = await nc.request(subject, body, { timeout: TIMEOUT_MS })
  return reply.json<ConsumerInfo & { error?: ApiError }>()
}
