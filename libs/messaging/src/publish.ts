// Publishing is fan-out, never a commitment: what fails here is replayed to readers from the producer's tables.
import { errors, type NatsConnection } from 'nats'
import { BATCH_MESSAGES_MAX, DUPLICATE_IN_BATCH, headersOf, publishAtomic, type StreamMessage } from './atomic-batch.js'
import { PublishFailed } from './errors.js'
import { eventHeaders, type OutgoingEvent } from '@careseal/event-envelope'
import { ensureStreamsAgain, EVENTS_STREAM } from './streams.js'

export type PublishLimits = { batchMessages?: number; batchBytes?: number; timeoutMs?: number }

// The broker holds a whole batch in memory until its commit.
const BATCH_BYTES = 4 * 1024 * 1024
const TIMEOUT_MS = 5000
const HEADER_BYTES = 1024

type PublishAck = { stream?: string; error?: { err_code: number; description: string } }

/**
 * Publishes events in the order given, in atomic batches bounded by count and bytes.
 *
 * Idempotent within the stream's duplicate window: a batch that holds a duplicate is published one by one. Throws
 * PublishFailed; a part may be stored then, the caller may call again with the same events.
 */
export async function publishEvents(
  nc: NatsConnection,
  events: readonly OutgoingEvent[],
  limits: PublishLimits = {},
): Promise<void> {
  const messages = events.map((event) => messageOf(nc, event))
  const timeoutMs = limits.timeoutMs ?? TIMEOUT_MS
  for (const batch of batchesOf(messages, limits)) await publishBatch(nc, batch, timeoutMs)
}

/** Cuts messages into batches that the broker takes, keeping their order. */
export function batchesOf(messages: readonly StreamMessage[], limits: PublishLimits = {}): StreamMessage[][] {
  const countMax = Math.min(limits.batchMessages ?? BATCH_MESSAGES_MAX, BATCH_MESSAGES_MAX)
  const bytesMax = limits.batchBytes ?? BATCH_BYTES
  const batches: StreamMessage[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const message of messages) {
    const size = message.body.length + HEADER_BYTES
    const isFull = bytes + size > bytesMax || (batches.at(-1)?.length ?? 0) >= countMax
    if (isFull) batches.push([])
    bytes = isFull ? size : bytes + size
    batches.at(-1)?.push(message)
  }
  return batches
}

function messageOf(nc: NatsConnection, event: OutgoingEvent): StreamMessage {
  const bytesMax = (nc.info?.max_payload ?? 1024 * 1024) - HEADER_BYTES
  if (event.body.length > bytesMax) throw new PublishFailed(`${event.producer}:${event.seq} is larger than a message`)
  return { subject: event.subject, body: event.body, headers: eventHeaders(event) }
}

async function publishBatch(nc: NatsConnection, batch: readonly StreamMessage[], timeoutMs: number): Promise<void> {
  try {
    await publishAtomic(nc, batch, { stream: EVENTS_STREAM.name, timeoutMs })
  } catch (error) {
    if (error instanceof PublishFailed && error.brokerCode === DUPLICATE_IN_BATCH) {
      return publishSingly(nc, batch, timeoutMs)
    }
    throw await publishFailure(nc, error)
  }
}

// In order and each one confirmed: a hole in the middle would cost every reader a replay.
async function publishSingly(nc: NatsConnection, batch: readonly StreamMessage[], timeoutMs: number): Promise<void> {
  for (const { subject, body, headers } of batch) {
    const request = nc.request(subject, body, { headers: headersOf(headers), timeout: timeoutMs })
    const reply = await request.catch(async (error: unknown) => {
      throw await publishFailure(nc, error)
    })
    const ack = reply.json<PublishAck>()
    if (ack.error !== undefined) throw new PublishFailed(ack.error.description, ack.error.err_code)
    if (ack.stream !== EVENTS_STREAM.name) throw new PublishFailed('another stream took the event')
  }
}

// Nobody listens on the subject when the broker lost its data: the stream is made again, if this service may.
async function publishFailure(nc: NatsConnection, error: unknown): Promise<PublishFailed> {
  if (error instanceof PublishFailed) return error
  if (isNobodyThere(error)) await ensureStreamsAgain(nc).catch(() => undefined)
  return new PublishFailed(error instanceof Error ? error.message : 'unknown', 0, { cause: error })
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof errors.NoRespondersError || (error instanceof errors.RequestError && error.isNoResponders())
}
