import type {
  BeforeApplicationShutdown,
  OnApplicationBootstrap,
  OnApplicationShutdown,
  OnModuleDestroy,
} from '@nestjs/common'
import { onBreakerState, type BreakerState, type NatsConnection } from '@careseal/messaging'
import { gauge } from '@careseal/observability'
import type { JetStreamServer } from './jetstream.server.js'

const STATE_VALUES: Record<BreakerState, number> = { closed: 0, 'half-open': 1, open: 2 }

/** Messages start when everything is initialised, stop first, and the connection goes last. */
export class MessagingLifecycle
  implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown, OnApplicationShutdown
{
  private unwatch: () => void = () => undefined

  constructor(
    private readonly nc: NatsConnection,
    private readonly server: JetStreamServer,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unwatch = showBreakers()
    await new Promise<void>((resolve, reject) => {
      void this.server.listen((error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  onModuleDestroy(): void {
    this.server.stopPulling()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.server.close()
  }

  async onApplicationShutdown(): Promise<void> {
    this.unwatch()
    // drain() rejects when the broker is gone, and then there is nothing left to flush.
    await this.nc.drain().catch(() => this.nc.close())
  }
}

function showBreakers(): () => void {
  const breakers = gauge({
    name: 'careseal_breaker_state',
    help: 'Circuit breakers: 0 closed, 1 half-open, 2 open',
    labels: ['breaker'],
  })
  return onBreakerState((breaker, state) => breakers.set({ breaker }, STATE_VALUES[state]))
}
