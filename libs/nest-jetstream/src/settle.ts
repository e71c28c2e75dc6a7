// What becomes of a message after its handler: acknowledged, delivered again, or put aside as a dead letter.
import type { JsMsg } from '@nats-io/jetstream'
import { agreesWithBody, DLQ_STREAM, headersIn, producerIn, type NatsConnection } from '@careseal/messaging'
import { MsgHdrsImpl, type MsgHdrs } from 'nats'
import { DeadLetter, originalOf, RetryLater } from './failures.js'

export type Outcome = 'acknowledged' | 'retried' | 'dead-lettered'

export type SettleOptions = {
  nc: NatsConnection
  durable: string
  maxDeliveries: number
  backoffMs: readonly number[]
}

const ACK_TIMEOUT_MS = 5000

/** Confirms the message and waits until the broker has it; if it never hears, the message comes again. */
export async function acknowledge(message: JsMsg): Promise<Outcome> {
  await message.ackAck({ timeout: ACK_TIMEOUT_MS })
  return 'acknowledged'
}

/** Settles a message whose handler failed. */
export async function settleFailure(message: JsMsg, failure: unknown, options: SettleOptions): Promise<Outcome> {
  const reason = deadLetterReason(message, failure, options.maxDeliveries)
  if (reason === null) return retry(message, failure, options)
  try {
    await publishDeadLetter(message, reason, options)
  } catch {
    // If we ended it now without its dead letter, it would be lost.
    return retry(message, failure, options)
  }
  message.term(reason)
  return 'dead-lettered'
}

/** A code, never the error's words: those may quote the event. Null: it is worth another try. */
export function deadLetterReason(message: JsMsg, failure: unknown, maxDeliveries: number): string | null {
  if (failure instanceof DeadLetter) return failure.reason
  if (message.info.deliveryCount < maxDeliveries) return null
  return exhaustedReason(failure)
}

/** The code under which a message is put aside that failed as often as it may. */
export function exhaustedReason(failure: unknown): string {
  const code = (originalOf(failure) as { code?: unknown } | null)?.code
  return typeof code === 'string' ? `max-deliveries: ${code}` : 'max-deliveries'
}

/** The waiting time before the delivery after this one; the last of the list repeats. */
export function retryDelayMs(deliveryCount: number, failure: unknown, backoffMs: readonly number[]): number {
  if (failure instanceof RetryLater && failure.delayMs !== undefined) return failure.delayMs
  return backoffMs[Math.min(deliveryCount, backoffMs.length) - 1] ?? 0
}

/** The original's headers, without those that steer the broker, and why and whence it is here. */
export function deadLetterHeaders(message: JsMsg, reason: string, durable: string): MsgHdrs {
  const received = Object.entries(headersIn(message)).filter(([name]) => !name.toLowerCase().startsWith('nats-'))
  const values = MsgHdrsImpl.fromRecord(Object.fromEntries(received))
  values.set('dlq-subject', message.subject)
  values.set('dlq-reason', reason.replaceAll(/[^\x20-\x7e]/g, ' '))
  values.set('dlq-deliveries', String(message.info.deliveryCount))
  values.set('dlq-stream-seq', String(message.info.streamSequence))
  values.set('Nats-Msg-Id', `dlq:${durable}:${identityOf(message)}`)
  return values
}

// The broker drops a letter whose id it knows, so no two messages may share one: a stream that was made anew counts from 1
// again, and headers that the body denies, or that another service wrote, may name another's event.
function identityOf(message: JsMsg): string {
  const { subject, data, info } = message
  const received = headersIn(message)
  if (agreesWithBody(received, subject, data)) return `${producerIn(subject)}:${received['ce-id']?.[0]}`
  return `${info.streamSequence}@${info.timestampNanos}`
}

function retry(message: JsMsg, failure: unknown, { backoffMs }: SettleOptions): Outcome {
  message.nak(retryDelayMs(message.info.deliveryCount, failure, backoffMs))
  return 'retried'
}

async function publishDeadLetter(message: JsMsg, reason: string, { nc, durable }: SettleOptions): Promise<void> {
  const values = deadLetterHeaders(message, reason, durable)
  const reply = await nc.request(`dlq.${durable}`, message.data, { headers: values, timeout: ACK_TIMEOUT_MS })
  const ack = reply.json<{ stream?: string; error?: unknown }>()
  if (ack.error !== undefined || ack.stream !== DLQ_STREAM.name) throw new Error('the dead letter was not stored')
}
