import type { StreamConfig } from '@nats-io/jetstream'
import type { NatsConnection } from 'nats'

/** What Careseal decides about a stream; anything else is the server's default. */
export type StreamSettings = Partial<StreamConfig> & { name: string; subjects: string[] }

/** The fan-out of all events (exactly-once.md section 7). Transport, never the record. */
export const EVENTS_STREAM: StreamSettings = { name: 'EVENTS', subjects: ['evt.>'] }

/** Dead letters of projections and outside consumers. */
export const DLQ_STREAM: StreamSettings = { name: 'DLQ', subjects: ['dlq.>'] }

/**
 * Makes sure that both streams are there and are what Careseal needs. `manage`: creates a missing one.
 *
 * Never changes an existing stream. Throws StreamUnfit that names each difference. Idempotent.
 */
export async function ensureStreams(_nc: NatsConnection, _manage: boolean): Promise<void> {
  throw new Error('not written yet')
}
