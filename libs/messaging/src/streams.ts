// The streams of Careseal as data, and the check that the broker has them so. An existing stream is never changed here:
// that is the deployer's work, for a service cannot know what an operator meant.
import {
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type JetStreamManager,
  type StreamConfig,
} from '@nats-io/jetstream'
import { nanos, type NatsConnection } from 'nats'
import { StreamUnfit } from './errors.js'

/** What Careseal decides about a stream; anything else (replicas, placement) is the platform's. */
export type StreamSettings = Partial<StreamConfig> & { name: string; subjects: string[] }

const DAY_MS = 24 * 60 * 60 * 1000

/** The fan-out of all events (exactly-once.md section 7). Transport, never the record. */
export const EVENTS_STREAM: StreamSettings = {
  name: 'EVENTS',
  subjects: ['evt.>'],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  max_age: nanos(14 * DAY_MS),
  deny_delete: true,
  deny_purge: true,
  allow_atomic: true,
  duplicate_window: nanos(2 * 60 * 1000),
}

/** Dead letters of projections and outside consumers. */
export const DLQ_STREAM: StreamSettings = {
  name: 'DLQ',
  subjects: ['dlq.>'],
  storage: StorageType.File,
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.New,
  max_age: nanos(30 * DAY_MS),
  deny_delete: false,
  deny_purge: false,
  duplicate_window: nanos(2 * 60 * 1000),
}

/** All streams of Careseal. */
export const STREAMS: readonly StreamSettings[] = [EVENTS_STREAM, DLQ_STREAM]

const managed = new WeakMap<NatsConnection, boolean>()

/**
 * Makes sure that both streams are there and are what Careseal needs. `manage`: creates a missing one.
 *
 * Never changes an existing stream. Throws StreamUnfit that names each difference. Idempotent. The connection remembers
 * `manage`, so that publisher and readers can make the streams again when the broker lost its data.
 */
export async function ensureStreams(nc: NatsConnection, manage: boolean): Promise<void> {
  managed.set(nc, manage)
  const manager = await jetstreamManager(nc, { checkAPI: false })
  for (const settings of STREAMS) await ensureStream(manager, settings, manage)
}

/** Once more what `ensureStreams` was told on this connection. Does nothing if it was never called. */
export async function ensureStreamsAgain(nc: NatsConnection): Promise<void> {
  const manage = managed.get(nc)
  if (manage !== undefined) await ensureStreams(nc, manage)
}

/** Each setting in which a stream is not what it should be, in words. */
export function streamDifferences(wanted: StreamSettings, actual: Partial<StreamConfig>): string[] {
  return Object.entries(wanted)
    .map(([key, value]) => [key, value, actual[key as keyof StreamConfig]] as const)
    .filter(([, value, found]) => JSON.stringify(value) !== JSON.stringify(found ?? defaultOf(value)))
    .map(([key, value, found]) => `${key} is ${JSON.stringify(found ?? null)}, must be ${JSON.stringify(value)}`)
}

async function ensureStream(manager: JetStreamManager, settings: StreamSettings, manage: boolean): Promise<void> {
  const actual = (await streamConfig(manager, settings.name)) ?? (manage ? await create(manager, settings) : null)
  if (actual === null) throw new StreamUnfit(settings.name, ['it is missing, and this service must not create it'])
  const differences = streamDifferences(settings, actual)
  if (differences.length > 0) throw new StreamUnfit(settings.name, differences)
}

async function create(manager: JetStreamManager, settings: StreamSettings): Promise<StreamConfig | null> {
  try {
    return (await manager.streams.add({ ...settings })).config
  } catch (error) {
    // Another service may have been faster; if it made something else, the comparison says so.
    if (error instanceof JetStreamApiError) return (await streamConfig(manager, settings.name)) ?? fail(error)
    throw error
  }
}

async function streamConfig(manager: JetStreamManager, name: string): Promise<StreamConfig | null> {
  try {
    return (await manager.streams.info(name)).config
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

/** True for the broker's answer that a stream does not exist. */
export function isMissing(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound
}

// The server leaves out what is false or zero.
function defaultOf(value: unknown): unknown {
  return typeof value === 'boolean' ? false : typeof value === 'number' ? 0 : null
}

function fail(error: Error): never {
  throw error
}
