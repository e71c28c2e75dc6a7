// The stream as a source of hints: a push consumer without acknowledgements that is made anew whenever it is lost. It
// may lose, repeat and reorder; the cursors see to completeness.
import {
  AckPolicy,
  DeliverPolicy,
  jetstreamManager,
  ReplayPolicy,
  type ConsumerConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { createInbox, nanos, type Msg, type NatsConnection, type Subscription } from 'nats'
import { inboxPrefix, nameOf } from '../connection.js'
import { ensureStreamsAgain, EVENTS_STREAM } from '../streams.js'
import { headersIn, type StreamMessage } from '@careseal/event-envelope'
import { createReaderConsumer } from './reader-consumer.js'
import { backoffMs, pause } from './pause.js'

export type FeedOptions = {
  nc: NatsConnection
  subjects: readonly string[]
  /** Where the first consumer begins; null is the beginning of the stream. */
  since: Date | null
  onMessage: (message: StreamMessage) => void
  onTrouble: (error: unknown) => void
  /** False holds the broker back until `resume`. */
  hasRoom: () => boolean
}

const HEARTBEAT_MS = 2000
const CONTROL = 100

type Place = { created: string; streamSeq: number }

export class EventFeed {
  private readonly stopping = new AbortController()
  private lost = Promise.withResolvers<void>()
  private inbox = ''
  private heldBack: string | null = null
  private place: Place | null = null
  private lastSeenAt = 0
  private pending: number | null = null

  constructor(private readonly options: FeedOptions) {}

  /** True when nothing is on its way: the stream was read to its end, or there is none. False until that is known. */
  get isIdle(): boolean {
    return this.pending === 0
  }

  start(): void {
    void this.run()
  }

  /** No message comes any more. */
  stop(): void {
    this.stopping.abort()
    this.lost.resolve()
  }

  /** Lets the broker go on, if there is room again. */
  resume(): void {
    const reply = this.heldBack
    if (reply === null || !this.options.hasRoom()) return
    this.heldBack = null
    if (!this.options.nc.isClosed()) this.options.nc.publish(reply)
  }

  private async run(): Promise<void> {
    const watch = setInterval(() => this.checkAlive(), HEARTBEAT_MS)
    const statuses = this.options.nc.status()
    void this.watchReconnects(statuses)
    for (let failures = 0; !this.stopping.signal.aborted; failures++) {
      const began = performance.now()
      await this.consumeUntilLost().catch((error: unknown) => this.recover(error))
      if (performance.now() - began > 10_000) failures = 0
      await pause(backoffMs(failures, 100, 5000), this.stopping.signal)
    }
    clearInterval(watch)
    ;(statuses as { stop?: () => void }).stop?.()
  }

  private async recover(error: unknown): Promise<void> {
    if (this.stopping.signal.aborted) return
    this.options.onTrouble(error)
    try {
      await ensureStreamsAgain(this.options.nc)
    } catch (failure) {
      this.options.onTrouble(failure)
    }
  }

  private async consumeUntilLost(): Promise<void> {
    this.lost = Promise.withResolvers<void>()
    const { nc } = this.options
    const inbox = createInbox(inboxPrefix(nameOf(nc)))
    this.inbox = inbox
    const subscription = nc.subscribe(inbox, { callback: (error, message) => this.receive(error, message) })
    try {
      await this.makeConsumer(inbox)
      if (!this.stopping.signal.aborted) await this.lost.promise
    } finally {
      this.pending = 0
      this.heldBack = null
      // The broker removes the consumer when nobody listens any more.
      unsubscribe(subscription)
    }
  }

  private async makeConsumer(inbox: string): Promise<void> {
    const { nc } = this.options
    const manager = await jetstreamManager(nc, { checkAPI: false })
    const stream = await manager.streams.info(EVENTS_STREAM.name)
    const info = await createReaderConsumer(nc, {
      filter_subjects: [...this.options.subjects],
      deliver_subject: inbox,
      ack_policy: AckPolicy.None,
      replay_policy: ReplayPolicy.Instant,
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      mem_storage: true,
      num_replicas: 1,
      ...this.beginning(stream),
    })
    this.place = { created: stream.created, streamSeq: this.placeIn(stream) }
    this.pending = info.num_pending
    this.lastSeenAt = performance.now()
  }

  private beginning(stream: StreamInfo): Partial<ConsumerConfig> {
    const seen = this.placeIn(stream)
    if (seen > 0) return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: seen + 1 }
    const { since } = this.options
    if (this.place !== null || since === null) return { deliver_policy: DeliverPolicy.All }
    return { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() }
  }

  // A stream that was made again, or restored from an old copy, numbers anew: what we saw of the former says nothing.
  private placeIn(stream: StreamInfo): number {
    const { place } = this
    if (place === null || place.created !== stream.created || place.streamSeq > stream.state.last_seq) return 0
    return place.streamSeq
  }

  private receive(error: Error | null, message: Msg): void {
    if (this.stopping.signal.aborted) return
    this.lastSeenAt = performance.now()
    if (error !== null) return this.lose(error)
    if (message.subject === this.inbox) return this.hear(message)
    const { streamSeq, pending } = deliveryOf(message.reply ?? '')
    if (this.place !== null) this.place.streamSeq = streamSeq
    this.pending = pending
    this.options.onMessage({ subject: message.subject, headers: headersIn(message), body: message.data })
  }

  // Only what comes under our own subject is the broker's: whoever publishes may write a status into an event.
  private hear(message: Msg): void {
    const code = message.headers?.code
    if (code === CONTROL) this.control(message)
    else this.lose(new Error(`the broker ended the consumer: ${message.headers?.description}`))
  }

  private control(message: Msg): void {
    const stalled = message.headers?.get('Nats-Consumer-Stalled')
    const reply = message.reply || stalled
    if (!reply) this.pending = this.heldBack === null ? 0 : this.pending
    else if (this.options.hasRoom()) this.options.nc.publish(reply)
    else this.heldBack = reply
  }

  private checkAlive(): void {
    if (performance.now() - this.lastSeenAt > 3 * HEARTBEAT_MS) this.lost.resolve()
  }

  private lose(error: Error): void {
    this.options.onTrouble(error)
    this.lost.resolve()
  }

  // What was sent while we were away is gone: the consumer does not wait for acknowledgements.
  private async watchReconnects(statuses: AsyncIterable<{ type: string }>): Promise<void> {
    for await (const status of statuses) if (status.type === 'reconnect') this.lost.resolve()
  }
}

function unsubscribe(subscription: Subscription): void {
  if (!subscription.isClosed()) subscription.unsubscribe()
}

// `$JS.ACK.<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>`, or with domain and account
// before the stream and more behind.
function deliveryOf(reply: string): { streamSeq: number; pending: number } {
  const tokens = reply.split('.')
  const offset = tokens.length > 9 ? 2 : 0
  return { streamSeq: Number(tokens[5 + offset] ?? 0), pending: Number(tokens[8 + offset] ?? 0) }
}
