import { Relay, waitingAges } from '@careseal/event-store'
import { publishEvents, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { counter, gauge } from '@careseal/observability'
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common'
import { Pool } from 'pg'
import { EVENT_STORE_OPTIONS, type EventStoreModuleOptions } from '../event-store.options.js'
import { ProducerGuard } from './producer-guard.service.js'
import { RELAY_POOL } from './relay-pool.js'

/** Runs the relay from start to drain; at shutdown it numbers and publishes what is committed, then stops. */
@Injectable()
export class RelayService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(RelayService.name)
  private readonly relay: Relay

  constructor(
    @Inject(EVENT_STORE_OPTIONS) options: EventStoreModuleOptions,
    @Inject(RELAY_POOL) private readonly pool: Pool,
    @Inject(NATS) nc: NatsConnection,
    guard: ProducerGuard,
  ) {
    const failures = counter({ name: 'careseal_relay_failures_total', help: 'rounds of the relay that failed' })
    const published = counter({ name: 'careseal_events_published_total', help: 'events handed to the broker' })
    this.relay = new Relay({
      pool,
      producer: options.producer,
      origin: options.ledgerOrigin,
      publish: (events) => publishEvents(nc, events),
      beforeNumbering: () => guard.confirm(),
      onPublished: (events) => published.inc(events.length),
      onError: (error) => {
        failures.inc()
        this.logger.warn({ err: error }, 'the relay failed and goes on')
      },
    })
    showAges(pool, options.producer)
  }

  wake(): void {
    this.relay.wake()
  }

  onApplicationBootstrap(): void {
    this.relay.start()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.relay.stop()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.pool.end()
  }
}

function showAges(pool: Pool, producer: string): void {
  gauge({ name: 'careseal_unpublished_seconds', help: 'age of the oldest event without a number' }, async (metric) => {
    metric.set((await waitingAges(pool, producer)).unpublishedSeconds)
  })
  gauge({ name: 'careseal_unsealed_seconds', help: 'age of the oldest event not yet sealed' }, async (metric) => {
    metric.set((await waitingAges(pool, producer)).unsealedSeconds)
  })
}
