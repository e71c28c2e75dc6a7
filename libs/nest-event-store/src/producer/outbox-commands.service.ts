// Answers for the producer's events, straight from the tables; so what the broker loses is only delayed.
import type { CommandReply } from '@careseal/contracts'
import { outboxHead, replayOutbox } from '@careseal/event-store'
import { leafHashOf } from '@careseal/event-envelope'
import { CommandRejected, respond, type NatsConnection, type Responder } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { ProducerDatabase } from '../database/producer-database.js'
import { ConsumerGrants } from './consumer-grants.service.js'
import { ProducerGuard } from './producer-guard.service.js'

type Asked = { producer: string; from: number; limit: number }

@Injectable()
export class OutboxCommands implements OnApplicationBootstrap, OnModuleDestroy {
  private responders: Responder[] = []

  constructor(
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly database: ProducerDatabase,
    private readonly guard: ProducerGuard,
    private readonly grants: ConsumerGrants,
  ) {}

  onApplicationBootstrap(): void {
    const { nc } = this
    const { service } = this.database
    this.responders = [
      respond(nc, service, 'outbox-head', ({ producer }) => this.head(producer)),
      respond(nc, service, 'replay-outbox', (asked) => this.replay(asked)),
      respond(nc, service, 'replay-for', (asked, { consumer = '' }) => this.replayFor(consumer, asked), {
        perConsumer: true,
      }),
    ]
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.responders.map((responder) => responder.stop()))
  }

  private async head(producer = this.database.producer): Promise<CommandReply<'outbox-head'>> {
    this.mustServe()
    const head = await outboxHead(this.database.pool, producer)
    if (!head) throw new CommandRejected('producer-unverified')
    return head
  }

  private async replay(asked: Asked) {
    this.mustServe()
    return replayOutbox(this.database.pool, asked)
  }

  /** In full what the consumer was granted, of the rest what the chain needs. */
  private async replayFor(consumer: string, asked: Asked): Promise<CommandReply<'replay-for'>> {
    const isGranted = await this.grants.of(consumer)
    if (isGranted === null) throw new CommandRejected('not-granted')
    const { events, next } = await this.replay(asked)
    const { producer } = asked
    const answered = events.map((event) => {
      const { seq, tag, commitment, link, subject, body } = event
      if (body !== '' && isGranted(subject)) return event
      return { seq, leafHash: leafHashOf({ producer, seq, tag, commitment }), link }
    })
    return { events: answered, next }
  }

  private mustServe(): void {
    const { state } = this.guard
    if (state !== 'serving') throw new CommandRejected(`producer-${state}`)
  }
}
