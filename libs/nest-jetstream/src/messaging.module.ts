import { type DynamicModule, type INestApplication, Module } from '@nestjs/common'
import type { NatsConnection, NatsOptions } from '@careseal/messaging'
import type { JetStreamServerOptions } from './jetstream.server.js'

/** Injection token of the NatsConnection. */
export const NATS: unique symbol = Symbol.for('careseal.nats')

export type MessagingModuleOptions = NatsOptions & {
  /** Creates missing streams; false only checks them. Default true. */
  manageStreams?: boolean
  /** How long the start may take to find the broker and fit streams; default 60 000. */
  connectDeadlineMs?: number
  /** Settings of the durable consumer and of command handlers. */
  server?: Omit<JetStreamServerOptions, 'nc' | 'name'>
}

/** Gives one connection (token NATS) and the JetStreamServer to the whole app; drains it at shutdown. */
@Module({})
export class MessagingModule {
  static forRoot(_options: MessagingModuleOptions): DynamicModule {
    throw new Error('not written yet')
  }
}

/** Binds the handlers of `@OnEvent` and `@OnCommand` and starts them. Call once, before the app listens. */
export async function listenToMessages(_app: INestApplication): Promise<void> {
  throw new Error('not written yet')
}

export type NatsHealth = { up: boolean; detail: string }

/** A health contributor: is the connection up, and how long has it been down? Asks the broker nothing. */
export function natsHealth(_nc: NatsConnection): () => NatsHealth {
  throw new Error('not written yet')
}
