// For specs: a real broker with the users and rights of a deployment, and producers whose outboxes are arrays and which
// answer outside consumers as the services do.
import {
  incarnationOf,
  sampleEvent,
  subjectFilterOf,
  subjectOf,
  type ConsumerGrant,
  type EventType,
} from '@careseal/contracts'
import { firstLinkOf, leafHashOf, nextLinkOf, subjectMatches, type OutgoingEvent } from '@careseal/event-envelope'
import {
  connectNats,
  CommandRejected,
  ensureOutsideConsumer,
  ensureStreams,
  publishEvents,
  renderAuthorization,
  respond,
  type NatsConnection,
  type Responder,
} from '@careseal/messaging'
import { startNats, type RunningNats } from '@careseal/stack'
import { jetstream, jetstreamManager, type JsMsg, type StoredMsg } from '@nats-io/jetstream'
import { createUser } from '@nats-io/nkeys'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nanos } from 'nats'

export const ORIGIN = 'ledger.example/test'

const USERS = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer', 'deployer']

/** A producer of events of some types, each a sample with an id of its own. */
export class TestProducer {
  readonly events: OutgoingEvent[] = []

  constructor(readonly name: string) {}

  get head(): { seq: number; link: string } {
    const last = this.events.at(-1)
    if (last !== undefined) return { seq: last.seq, link: last.link }
    return { seq: 0, link: firstLinkOf(ORIGIN, this.name) }
  }

  /** Numbers and chains one more event of each type. `change` may alter its body. */
  add(
    types: readonly EventType[],
    change: (body: Record<string, unknown>) => object = (body) => body,
  ): OutgoingEvent[] {
    return types.map((type) => {
      const seq = this.head.seq + 1
      const id = randomUUID()
      const body = new TextEncoder().encode(JSON.stringify(change({ ...sampleEvent(type), id })))
      const hashes = { tag: seq.toString(16).padStart(64, '0'), commitment: (seq + 7).toString(16).padStart(64, '0') }
      const leaf = { producer: this.name, seq, ...hashes }
      const link = nextLinkOf(this.head.link, leafHashOf(leaf))
      const event = { ...leaf, link, body, subject: subjectOf(type, this.name) }
      this.events.push(event)
      return event
    })
  }
}

export class ConsumingWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'careseal-consumers-'))
  nats!: RunningNats
  replays = 0
  private readonly seeds = new Map<string, string>()
  private readonly connections = new Map<string, NatsConnection>()
  private readonly responders: Responder[] = []
  private readonly producers: TestProducer[] = []

  constructor(readonly grants: readonly { name: string; types: EventType[]; recipient?: boolean }[]) {}

  async start(): Promise<void> {
    const users = [...USERS, ...this.grants.map(({ name }) => name)].map((name) => {
      const user = createUser()
      const file = join(this.folder, `${name}.nk`)
      writeFileSync(file, user.getSeed())
      this.seeds.set(name, file)
      return { name, publicNkey: user.getPublicKey() }
    })
    this.consumers = this.grants.map((grant) => {
      const publicNkey = users.find(({ name }) => name === grant.name)?.publicNkey ?? ''
      return { recipient: false, ...grant, publicNkey }
    })
    // One user more, who may read what no user of a deployment may.
    const observer = createUser()
    writeFileSync(join(this.folder, 'observer.nk'), observer.getSeed())
    this.seeds.set('observer', join(this.folder, 'observer.nk'))
    this.config = renderAuthorization(users, { manageStreams: true, consumers: this.consumers }).replace(
      'users: [\n',
      `users: [\n    { nkey: ${observer.getPublicKey()} }\n`,
    )
    this.nats = await startNats({ config: this.config, dataDir: join(this.folder, 'nats') })
    for (const name of [...USERS, 'observer']) this.connections.set(name, await this.login(name))
    await this.makeConsumers()
  }

  consumers: ConsumerGrant[] = []
  private config = ''

  async makeConsumers(): Promise<void> {
    await ensureStreams(this.as('consent'), true)
    for (const grant of this.consumers) await ensureOutsideConsumer(this.as('deployer'), grant)
  }

  /** Crashes the broker, loses all of its data, and starts it again on the same port, empty. */
  async wipe(): Promise<void> {
    const { port } = this.nats
    await this.nats.kill()
    rmSync(join(this.folder, 'nats', 'jetstream'), { recursive: true, force: true })
    this.nats = await startNats({ config: this.config, dataDir: join(this.folder, 'nats'), port })
  }

  as(name: string): NatsConnection {
    const connection = this.connections.get(name)
    if (connection === undefined) throw new Error(`${name} has no connection`)
    return connection
  }

  login(name: string): Promise<NatsConnection> {
    return connectNats({ url: this.nats.url, name, seedFile: this.seedFile(name) })
  }

  seedFile(name: string): string {
    return this.seeds.get(name) ?? ''
  }

  broker(name: string): { url: string; seedFile: string } {
    return { url: this.nats.url, seedFile: this.seedFile(name) }
  }

  async publish(producer: TestProducer, events: readonly OutgoingEvent[]): Promise<void> {
    await publishEvents(this.as(incarnationOf(producer.name).service), events)
  }

  /** Answers replay-for as the service does, from the array. */
  answer(...producers: TestProducer[]): void {
    this.producers.push(...producers)
    for (const service of new Set(producers.map(({ name }) => incarnationOf(name).service))) {
      const reply = (asked: { producer: string; from: number; limit: number }, consumer: string) => {
        this.replays++
        const events = this.producers.find(({ name }) => name === asked.producer)?.events ?? []
        return this.pageFor(consumer, events, asked)
      }
      const responder = respond(
        this.as(service),
        service,
        'replay-for',
        (asked, { consumer = '' }) => reply(asked, consumer),
        { perConsumer: true },
      )
      this.responders.push(responder)
    }
  }

  async fallSilent(): Promise<void> {
    await Promise.all(this.responders.splice(0).map((responder) => responder.stop()))
  }

  async deadLetters(consumer: string): Promise<StoredMsg[]> {
    const manager = await jetstreamManager(this.as('observer'), { checkAPI: false })
    const { state } = await manager.streams.info('DLQ')
    const found: StoredMsg[] = []
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await manager.streams.getMessage('DLQ', { seq })
      if (message?.subject === `dlq.${consumer}`) found.push(message)
    }
    return found
  }

  /** How many messages the broker has delivered to the consumer and not had acknowledged, and how many are to come. */
  async outstanding(consumer: string): Promise<[unsettled: number, pending: number]> {
    const manager = await jetstreamManager(this.as('observer'), { checkAPI: false })
    const info = await manager.consumers.info('EVENTS', consumer)
    return [info.num_ack_pending, info.num_pending]
  }

  /** Takes messages as the consumer does, and settles none: what a process leaves behind that is no more. */
  async take(consumer: string, count: number): Promise<void> {
    const nc = await this.login(consumer)
    const durable = await jetstream(nc).consumers.get('EVENTS', consumer)
    const taken: JsMsg[] = []
    for await (const message of await durable.fetch({ max_messages: count, expires: 5000 })) taken.push(message)
    await nc.close()
    if (taken.length < count) throw new Error(`${count - taken.length} messages did not come`)
  }

  /** How long the broker waits for a sign of life before it delivers again, instead of half a minute. */
  async waitForAcknowledgements(consumer: string, milliseconds: number): Promise<void> {
    const manager = await jetstreamManager(this.as('observer'), { checkAPI: false })
    await manager.consumers.update('EVENTS', consumer, { ack_wait: nanos(milliseconds) })
  }

  async stop(): Promise<void> {
    for (const connection of this.connections.values()) await connection.close()
    await this.nats.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  private pageFor(
    consumer: string,
    events: readonly OutgoingEvent[],
    { from, limit }: { from: number; limit: number },
  ) {
    const types = this.grants.find(({ name }) => name === consumer)?.types
    if (types === undefined) throw new CommandRejected('not-granted')
    const filters = types.map(subjectFilterOf)
    const page = events.slice(from - 1, from - 1 + Math.min(limit, 500))
    const next = from + page.length
    const answered = page.map(({ producer, seq, tag, commitment, link, subject, body }) =>
      filters.some((filter) => subjectMatches(filter, subject))
        ? { seq, tag, commitment, link, subject, body: Buffer.from(body).toString('base64') }
        : { seq, leafHash: leafHashOf({ producer, seq, tag, commitment }), link },
    )
    return { events: answered, next: next <= events.length ? next : null }
  }
}
