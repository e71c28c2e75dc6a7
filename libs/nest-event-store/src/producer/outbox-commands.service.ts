// Answers for the producer's events: head and replay straight from the tables, and openings for whoever may have them.
import type { Caller, CommandReply } from '@careseal/contracts'
import { hex } from '@careseal/crypto'
import { EventStore, leafStateOf, outboxHead, replayOutbox, type OpenedEvent } from '@careseal/event-store'
import { CommandRejected, respond, type NatsConnection, type Responder } from '@careseal/messaging'
import { NATS } from '@careseal/nest-jetstream'
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import { Pool } from 'pg'
import { EVENT_STORE_OPTIONS, serviceOf, type EventStoreModuleOptions } from '../event-store.options.js'
import { EventTransactions } from './event-transactions.service.js'
import { ProducerGuard } from './producer-guard.service.js'
import { RELAY_POOL } from './relay-pool.js'

/** Whether a caller may have an event's opening; the app decides, and writes its audit event where one is due. */
export type AuthoriseOpening = (caller: Caller, event: OpenedEvent) => Promise<boolean>

@Injectable()
export class OutboxCommands implements OnApplicationBootstrap, OnModuleDestroy {
  private responders: Responder[] = []
  private authorise: AuthoriseOpening = async () => false

  constructor(
    @Inject(EVENT_STORE_OPTIONS) private readonly options: EventStoreModuleOptions,
    @Inject(RELAY_POOL) private readonly pool: Pool,
    @Inject(NATS) private readonly nc: NatsConnection,
    private readonly store: EventStore,
    private readonly transactions: EventTransactions,
    private readonly guard: ProducerGuard,
  ) {}

  /** Sets who may open leaves; until then nobody may. Call it in the app's `onModuleInit`. */
  authoriseOpeningsWith(authorise: AuthoriseOpening): void {
    this.authorise = authorise
  }

  onApplicationBootstrap(): void {
    const service = serviceOf(this.options)
    this.responders = [
      respond(this.nc, service, 'outbox-head', () => this.head()),
      respond(this.nc, service, 'replay-outbox', (asked) => this.replay(asked)),
      respond(this.nc, service, 'open-leaf', ({ eventId, caller }) => this.openLeaf(eventId, caller)),
    ]
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.responders.map((responder) => responder.stop()))
  }

  async head(): Promise<CommandReply<'outbox-head'>> {
    this.mustServe()
    const head = await outboxHead(this.pool, this.options.producer)
    if (!head) throw new CommandRejected('producer-unverified')
    return head
  }

  async replay(asked: { producer: string; from: number; limit: number }): Promise<CommandReply<'replay-outbox'>> {
    this.mustServe()
    return replayOutbox(this.pool, asked)
  }

  async openLeaf(eventId: string, caller: Caller): Promise<CommandReply<'open-leaf'>> {
    this.mustServe()
    return this.transactions.run(async ({ sql }) => {
      const opened = await this.store.open(sql, eventId)
      if ('rejected' in opened) return opened
      if (!(await this.authorise(caller, opened))) return { rejected: 'not-allowed' as const }
      const leaf = (await leafStateOf(sql, this.options.producer, eventId))!
      return {
        producer: leaf.producer,
        seq: leaf.seq,
        tag: leaf.tag,
        commitment: leaf.commitment,
        type: opened.type,
        body: Buffer.from(opened.body).toString('base64'),
        opening: hex(opened.opening),
        leafIndex: leaf.sealed?.leafIndex ?? null,
      }
    })
  }

  private mustServe(): void {
    if (this.guard.state === 'rolled-back') throw new CommandRejected('producer-rollback')
    if (this.guard.state === 'unverified') throw new CommandRejected('producer-unverified')
  }
}
