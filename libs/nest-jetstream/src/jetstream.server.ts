import { type CustomTransportStrategy, Server } from '@nestjs/microservices'
import type { NatsConnection } from '@careseal/messaging'
import { JETSTREAM } from './transport.js'

export type JetStreamServerOptions = {
  nc: NatsConnection
  /** The service's name: owner of `cmd.<name>.*`, default name of the durable consumer. */
  name: string
  /** Durable consumer; default `name`. Dead letters go to `dlq.<durable>`. */
  durable?: string
  /** False where the platform owns consumers; then it must exist. Default true. */
  manageConsumer?: boolean
  /** Time without a sign of life until the broker delivers again; default 30 000. */
  ackWaitMs?: number
  /** Deliveries until a message becomes a dead letter; default 10. */
  maxDeliveries?: number
  /** Waiting times before the second, third … delivery; the last one repeats. */
  backoffMs?: readonly number[]
  /** Messages handled at a time; default 1, which keeps the order of the stream. */
  concurrency?: number
  /** Requests answered at a time, per command; default 64. */
  commandConcurrency?: number
}

/** NestJS transport: `@EventPattern` as a durable consumer of EVENTS, `@MessagePattern` as request and reply. */
export class JetStreamServer extends Server implements CustomTransportStrategy {
  override readonly transportId = JETSTREAM

  constructor(readonly options: JetStreamServerOptions) {
    super()
  }

  override async listen(_callback: (error?: unknown) => void): Promise<void> {
    throw new Error('not written yet')
  }

  override async close(): Promise<void> {
    throw new Error('not written yet')
  }

  override on(): never {
    throw new Error('JetStreamServer emits no events; watch `status`')
  }

  override unwrap<T>(): T {
    return this.options.nc as T
  }
}
