import type { NatsConnection } from 'nats'
import type { OutgoingEvent } from './ledger-event.js'

/**
 * Publishes events in the order given, in atomic batches bounded by count and bytes.
 *
 * Idempotent within the stream's duplicate window: a batch that holds a duplicate is published one by one. Throws
 * PublishFailed; a part may be stored then, the caller may call again with the same events.
 */
export async function publishEvents(_nc: NatsConnection, _events: readonly OutgoingEvent[]): Promise<void> {
  throw new Error('not written yet')
}
