// A reader's consumer has one of a few names that belong to its service. A name of its own choice, or one that the broker
// makes up, would need a permission with which it could change everybody else's consumers: with the subject that names
// none, the broker takes the name from the body, and updates what has it.
import { JetStreamApiError, type ApiError, type ConsumerConfig, type ConsumerInfo } from '@nats-io/jetstream'
import type { NatsConnection } from 'nats'
import { nameOf } from '../connection.js'
import { EVENTS_STREAM } from '../streams.js'

/** How many readers a service may have at a time, over all of its replicas. */
export const READERS_MAX = 32

const NAME_TAKEN = [10148, 10013, 10105]
const TIMEOUT_MS = 5000

type Reply = ConsumerInfo & { error?: ApiError }

/** The consumer names of a service's readers. */
export function readerConsumers(service: string): string[] {
  return Array.from({ length: READERS_MAX }, (_, number) => `${service}-reader-${number}`)
}

/** The consumer with which a service reads what it published itself, after its database was rolled back. */
export function recoveryConsumer(service: string): string {
  return `${service}-recovery`
}

/** Makes a consumer under the next free name of this service. Rejects with JetStreamApiError when there is none. */
export async function createReaderConsumer(nc: NatsConnection, config: Partial<ConsumerConfig>): Promise<ConsumerInfo> {
  const names = readerConsumers(nameOf(nc))
  const first = Math.floor(Math.random() * names.length)
  for (const [attempt, name] of [...names.slice(first), ...names.slice(0, first)].entries()) {
    const { error, ...info } = await create(nc, name, config)
    if (error === undefined) return info
    const isTaken = NAME_TAKEN.includes(error.err_code)
    if (!isTaken || attempt === names.length - 1) throw new JetStreamApiError(error)
  }
  throw new RangeError('a service may have no reader')
}

async function create(nc: NatsConnection, name: string, config: Partial<ConsumerConfig>): Promise<Reply> {
  const stream = EVENTS_STREAM.name
  const body = JSON.stringify({ stream_name: stream, config: { ...config, name }, action: 'create' })
  const reply = await nc.request(`$JS.API.CONSUMER.CREATE.${stream}.${name}`, body, { timeout: TIMEOUT_MS })
  return reply.json<Reply>()
}
