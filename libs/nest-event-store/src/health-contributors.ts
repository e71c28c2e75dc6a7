import { Inject, Injectable } from '@nestjs/common'
import type { NatsConnection } from '@careseal/messaging'
import { NATS, natsHealth } from '@careseal/nest-jetstream'
import { HealthRegistry } from '@careseal/service-kit'
import { DataSource } from 'typeorm'
import { Tombstones } from './producer/tombstones.service.js'

/** Ready means: database, broker and the signer's tombstones are there (`producer` comes from the guard). */
@Injectable()
export class HealthContributors {
  constructor(
    health: HealthRegistry,
    dataSource: DataSource,
    @Inject(NATS) nc: NatsConnection,
    tombstones: Tombstones,
  ) {
    health.addReadiness('tombstones', () => tombstones.assertLoaded())
    const broker = natsHealth(nc)
    health.addReadiness('database', async () => void (await dataSource.query('SELECT 1')))
    health.addReadiness('broker', () => {
      if (!broker().up) throw new Error('the broker is away')
    })
  }
}
