// Answers for the producer's events, straight from the tables; so what the broker loses is only delayed.
import type { CommandReply } from '@careseal/contracts'
import { outboxHead, replayOutbox } from '@careseal/event-store'
import { CommandRejected, respond, type NatsConnection, type Responder } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { OpenLeaf } from './open-leaf.service.js'
import { ProducerGuard } from './producer-guard.service.js'

@Injectable()
export class OutboxCommands implements OnApplicationBootstrap, OnModuleDestroy {
  private responders: Responder[] = []

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly database: ProducerDatabase,
    private readonly guard: ProducerGuard,
    private readonly openLeaf: OpenLeaf,
  ) {}

  onApplicationBootstrap(): void {
    const { nc } = this
    const { service } = this.database
    this.responders = [
      respond(nc, service, 'outbox-head', () => this.head()),
      respond(nc, service, 'replay-outbox', (asked) => this.replay(asked)),
      respond(nc, service, 'open-leaf', (asked) => this.openLeaf.open(asked)),
    ]
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.responders.map((responder) => responder.stop()))
  }

  private async head(): Promise<CommandReply<'outbox-head'>> {
    this.mustServe()
    const head = await outboxHead(this.database.pool, this.database.producer)
    if (!head) throw new CommandRejected('producer-unverified')
    return head
  }

  private async replay(asked: { producer: string; from: number; limit: number }) {
    this.mustServe()
    return replayOutbox(this.database.pool, asked)
  }

  private mustServe(): void {
    const { state } = this.guard
    if (state !== 'serving') throw new CommandRejected(`producer-${state}`)
  }
}
