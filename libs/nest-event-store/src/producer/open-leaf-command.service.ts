// Answers other services that ask for the opening of a leaf of this producer.
import { respond, type NatsConnection, type Responder } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { OpenLeaf } from './open-leaf.service.js'

@Injectable()
export class OpenLeafCommand implements OnApplicationBootstrap, OnModuleDestroy {
  private responder: Responder | undefined

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly database: ProducerDatabase,
    private readonly openLeaf: OpenLeaf,
  ) {}

  onApplicationBootstrap(): void {
    this.responder = respond(this.nc, this.database.service, 'open-leaf', (asked) => this.openLeaf.open(asked))
  }

  async onModuleDestroy(): Promise<void> {
    await this.responder?.stop()
  }
}
