// Pulls from the durable consumer that the operator made, for as long as the consumer runs. The broker may lose the
// stream, the consumer or the connection meanwhile: then it is asked again until they are back.
import { jetstream, type ConsumerInfo, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from 'nats'
import { pause } from './pause.js'

const STREAM = 'EVENTS'
const RETRY_MS = 1000
const PULLED_MAX = 2000
const ACK_WAIT_MS = 30_000

export type PullOptions = {
  nc: NatsConnection
  durable: string
  onMessage: (message: JsMsg) => void
  onTrouble: (error: unknown) => void
  stopping: AbortSignal
}

/** The consumer as the broker knows it. Rejects when it is not there, or this user may not see it. */
export async function consumerInfo(nc: NatsConnection, durable: string): Promise<ConsumerInfo> {
  const consumer = await jetstream(nc).consumers.get(STREAM, durable)
  return consumer.info(true)
}

/** How long the broker waits for a sign of life. */
export function ackWaitMs(info: ConsumerInfo): number {
  return (info.config.ack_wait ?? ACK_WAIT_MS * 1e6) / 1e6
}

/** Resolves when the consumer stops. */
export async function pull(options: PullOptions): Promise<void> {
  const { stopping } = options
  while (!stopping.aborted) {
    try {
      await pullOnce(options)
    } catch (error) {
      if (!stopping.aborted) options.onTrouble(error)
    }
    if (!stopping.aborted) await pause(RETRY_MS, stopping)
  }
}

async function pullOnce({ nc, durable, onMessage, stopping }: PullOptions): Promise<void> {
  const consumer = await jetstream(nc).consumers.get(STREAM, durable)
  if (stopping.aborted) return
  const messages: ConsumerMessages = await consumer.consume({
    max_messages: PULLED_MAX,
    expires: 10_000,
    abort_on_missing_resource: true,
    callback: onMessage,
  })
  const close = () => void messages.close()
  stopping.addEventListener('abort', close)
  try {
    const error = await messages.closed()
    if (error instanceof Error) throw error
  } finally {
    stopping.removeEventListener('abort', close)
  }
}
