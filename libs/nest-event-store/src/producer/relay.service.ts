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
      mayNumber: () => guard.state === 'serving',
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
  const ages = { unpublished: 'without a number', unsealed: 'not yet in a published block' } as const
  for (const [name, what] of Object.entries(ages)) {
    const metric = { name: `careseal_${name}_seconds`, help: `age of the oldest event ${what}; NaN without a database` }
    gauge(metric, async (shown) => {
      const found = await waitingAges(pool, producer).catch(() => null)
      shown.set(found?.[`${name as keyof typeof ages}Seconds`] ?? Number.NaN)
    })
  }
}
