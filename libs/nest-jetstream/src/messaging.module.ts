import { Module, type DynamicModule, type INestApplication } from '@nestjs/common'
import { connectPatiently, ensureStreams, type NatsConnection, type NatsOptions } from '@careseal/messaging'
import { JetStreamServer, type JetStreamServerOptions } from './jetstream.server.js'
import { MessagingLifecycle } from './messaging.lifecycle.js'
import { NATS } from './transport.js'

export type MessagingModuleOptions = NatsOptions & {
  /** Creates missing streams; false only checks them. Default true. */
  manageStreams?: boolean | undefined
  /** How long the start may take to find the broker and fit streams; default 60 000. */
  connectDeadlineMs?: number | undefined
  /** Settings of the durable consumer and of command handlers. */
  server?: Omit<JetStreamServerOptions, 'nc' | 'name'>
}

const CONNECT_DEADLINE_MS = 60_000
const NOT_IN_ORDER =
  'ordered is for durable consumers of your own: the operator’s lets out many messages at a time. Leave it out, ' +
  'or read with consume of @careseal/client, which keeps the order of each producer, as the read model of the examples does'

/** Gives one connection (token NATS) and the JetStreamServer to the whole app; drains them at shutdown. */
@Module({})
export class MessagingModule {
  static forRoot(options: MessagingModuleOptions): DynamicModule {
    const prepare = (nc: NatsConnection) => ensureStreams(nc, options.manageStreams ?? true)
    return moduleOf(options, { server: options.server, prepare })
  }

  /**
   * For a service of somebody else, by the name and with the user that the operator gave it (`careseal consumer add`).
   * Streams and the durable consumer are the operator's: they are neither made nor changed here. Throws RangeError for
   * `ordered`: that consumer lets out many messages at a time.
   */
  static forConsumer(options: Omit<MessagingModuleOptions, 'manageStreams'>): DynamicModule {
    if (options.server?.ordered === true) throw new RangeError(NOT_IN_ORDER)
    return moduleOf(options, { server: { ...options.server, manageConsumer: false } })
  }
}

type Kind = { server: MessagingModuleOptions['server']; prepare?: (nc: NatsConnection) => Promise<void> }

function moduleOf(options: MessagingModuleOptions, { server, prepare }: Kind): DynamicModule {
  const patience = { deadlineMs: options.connectDeadlineMs ?? CONNECT_DEADLINE_MS, ...(prepare && { prepare }) }
  const serverOf = (nc: NatsConnection) => new JetStreamServer({ ...server, nc, name: options.name })
  return {
    module: MessagingModule,
    global: true,
    providers: [
      { provide: NATS, useFactory: () => connectPatiently(options, patience) },
      { provide: JetStreamServer, useFactory: serverOf, inject: [NATS] },
      { provide: MessagingLifecycle, useFactory: lifecycleOf, inject: [NATS, JetStreamServer] },
    ],
    exports: [NATS, JetStreamServer],
  }
}

/**
 * Binds the handlers of `@OnEvent` and `@OnCommand` to the JetStreamServer. Call once, before the app starts.
 *
 * They begin to work when the app has started (`onApplicationBootstrap`). Guards, pipes and filters that were made for
 * HTTP do not apply to them.
 */
export async function listenToMessages(app: INestApplication): Promise<void> {
  app.connectMicroservice({ strategy: app.get(JetStreamServer) }, { inheritAppConfig: false })
}

function lifecycleOf(nc: NatsConnection, server: JetStreamServer): MessagingLifecycle {
  return new MessagingLifecycle(nc, server)
}
