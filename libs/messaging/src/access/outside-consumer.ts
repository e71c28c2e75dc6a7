// The durable consumer of an outside consumer. Its filter is what that consumer may read; the deployer alone makes it.
import { subjectFilterOf, type ConsumerGrant } from '@careseal/contracts'
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type ConsumerUpdateConfig,
} from '@nats-io/jetstream'
import { nanos, type NatsConnection } from 'nats'
import { EVENTS_STREAM } from '../streams.js'

const ACK_WAIT_MS = 30_000
// Unsettled events that the broker lets out: what a consumer holds in memory, and what comes again after it died.
const UNSETTLED_MAX = 4096

/** Makes the durable consumer, or gives it another filter. Needs the deployer's connection. Idempotent. */
export async function ensureOutsideConsumer(nc: NatsConnection, { name, types }: ConsumerGrant): Promise<void> {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  const changeable = {
    ack_wait: nanos(ACK_WAIT_MS),
    max_ack_pending: UNSETTLED_MAX,
    // The broker would drop silently what failed too often; the client puts it aside as a dead letter.
    max_deliver: -1,
    filter_subjects: types.map(subjectFilterOf),
  } satisfies ConsumerUpdateConfig
  try {
    await manager.consumers.info(EVENTS_STREAM.name, name)
  } catch (error) {
    if (!isUnknown(error)) throw error
    const fixed = { durable_name: name, ack_policy: AckPolicy.Explicit, deliver_policy: DeliverPolicy.All }
    return void (await manager.consumers.add(EVENTS_STREAM.name, { ...fixed, ...changeable }))
  }
  await manager.consumers.update(EVENTS_STREAM.name, name, changeable)
}

/** Removes the durable consumer, and its position with it. Does nothing where there is none. */
export async function removeOutsideConsumer(nc: NatsConnection, name: string): Promise<void> {
  const manager = await jetstreamManager(nc, { checkAPI: false })
  try {
    await manager.consumers.delete(EVENTS_STREAM.name, name)
  } catch (error) {
    if (!isUnknown(error)) throw error
  }
}

function isUnknown(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound
}
