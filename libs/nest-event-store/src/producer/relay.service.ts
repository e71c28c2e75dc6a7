import { Relay, waitingAges } from '@careseal/event-store'
import { publishEvents, type NatsConnection } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { counter, gauge } from '@careseal/observability'
import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { ProducerGuard } from './producer-guard.service.js'

/** Runs the relay from start to drain; at shutdown it finishes the batch in work. */
@Injectable()
export class RelayService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(RelayService.name)
  private readonly relay: Relay

  constructor(database: ProducerDatabase, @Inject(NATS) nc: NatsConnection, guard: ProducerGuard) {
    const failures = counter({ name: 'careseal_relay_failures_total', help: 'rounds of the relay that failed' })
    const published = counter({ name: 'careseal_events_published_total', help: 'events handed to the broker' })
    this.relay = new Relay({
      pool: database.pool,
      producer: database.producer,
      origin: database.origin,
      publish: (events) => publishEvents(nc, events),
      beforeNumbering: () => guard.confirm(),
      onPublished: (events) => published.inc(events.length),
      onError: (error) => {
        failures.inc()
        this.logger.warn({ err: error }, 'the relay failed and goes on')
      },
    })
    showAges(database)
  }

  wake(): void {
    this.relay.wake()
  }

  onApplicationBootstrap(): void {
    this.relay.start()
  }

  // What requests in flight commit after this waits in the outbox for the next start, or for another replica.
  async beforeApplicationShutdown(): Promise<void> {
    await this.relay.stop()
  }
}

function showAges({ pool, producer }: ProducerDatabase): void {
  gauge({ name: 'careseal_unpublished_seconds', help: 'age of the oldest event without a number' }, async (metric) => {
    metric.set((await waitingAges(pool, producer)).unpublishedSeconds)
  })
  gauge({ name: 'careseal_unsealed_seconds', help: 'age of the oldest event not yet sealed' }, async (metric) => {
    metric.set((await waitingAges(pool, producer)).unsealedSeconds)
  })
}
