// The loop of one durable consumer: at least once, acknowledged after the work, never lost without a dead letter. It
// makes its consumer anew when the broker lost it, and holds a bounded number of messages.
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type ConsumerConfig,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream'
import { ensureStreamsAgain, EVENTS_STREAM, type NatsConnection } from '@careseal/messaging'
import { setTimeout as sleep } from 'node:timers/promises'
import { nanos } from 'nats'

export type DurableConsumerOptions = {
  nc: NatsConnection
  durable: string
  subjects: readonly string[]
  manageConsumer: boolean
  ackWaitMs: number
  concurrency: number
  /** Settles the message, whatever happens; never rejects. */
  handle: (message: JsMsg) => Promise<void>
  onTrouble: (error: unknown) => void
}

const CONSUMER_EXISTS = 10148
const RETRY_MS = 1000
// Unsettled messages that the broker lets out at a time, over all replicas of the service.
const UNSETTLED_MAX = 256

export class DurableConsumer {
  private readonly stopping = new AbortController()
  private readonly waiting: JsMsg[] = []
  private readonly inFlight = new Map<JsMsg, Promise<void>>()
  private messages: ConsumerMessages | undefined
  private loop: Promise<void> = Promise.resolve()
  private beat: NodeJS.Timeout | undefined

  constructor(private readonly options: DurableConsumerOptions) {}

  start(): void {
    this.beat = setInterval(() => this.sayWorking(), this.options.ackWaitMs / 3)
    this.loop = this.run()
  }

  /** Takes no more messages; what waits here goes back to the broker. */
  stopPulling(): void {
    this.stopping.abort()
    void this.messages?.close()
    for (const message of this.waiting.splice(0)) message.nak()
  }

  /** Resolves when what was in flight is settled. */
  async close(): Promise<void> {
    this.stopPulling()
    await this.loop
    while (this.inFlight.size > 0) await Promise.all(this.inFlight.values())
    clearInterval(this.beat)
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      try {
        await this.consume()
      } catch (error) {
        if (this.stopping.signal.aborted) return
        this.options.onTrouble(error)
        await ensureStreamsAgain(this.options.nc).catch((failure: unknown) => this.options.onTrouble(failure))
        await sleep(RETRY_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined)
      }
    }
  }

  private async consume(): Promise<void> {
    const { nc, durable } = this.options
    if (this.options.manageConsumer) await this.ensureConsumer()
    const consumer = await jetstream(nc).consumers.get(EVENTS_STREAM.name, durable)
    if (this.stopping.signal.aborted) return
    this.messages = await consumer.consume({
      max_messages: Math.min(4 * this.options.concurrency, UNSETTLED_MAX),
      expires: 10_000,
      abort_on_missing_resource: true,
      callback: (message) => this.take(message),
    })
    const error = await this.messages.closed()
    if (error instanceof Error) throw error
  }

  // An upgraded app may listen to more subjects than the consumer that its former version made.
  private async ensureConsumer(): Promise<void> {
    const manager = await jetstreamManager(this.options.nc, { checkAPI: false })
    const config = this.consumerConfig()
    try {
      await manager.consumers.add(EVENTS_STREAM.name, config)
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error
      const { durable_name: durable, ack_policy: _ack, deliver_policy: _deliver, ...changes } = config
      await manager.consumers.update(EVENTS_STREAM.name, durable, changes)
    }
  }

  private consumerConfig() {
    return {
      durable_name: this.options.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: nanos(this.options.ackWaitMs),
      // The broker would drop silently what we put aside as dead letters.
      max_deliver: -1,
      max_ack_pending: UNSETTLED_MAX,
      filter_subjects: [...this.options.subjects],
    } satisfies Partial<ConsumerConfig>
  }

  private take(message: JsMsg): void {
    if (this.stopping.signal.aborted) return message.nak()
    this.waiting.push(message)
    this.next()
  }

  private next(): void {
    while (this.inFlight.size < this.options.concurrency) {
      const message = this.waiting.shift()
      if (message === undefined) return
      const work = this.options.handle(message).finally(() => {
        this.inFlight.delete(message)
        this.next()
      })
      this.inFlight.set(message, work)
    }
  }

  // Without a sign of life the broker would deliver again what merely waits its turn.
  private sayWorking(): void {
    if (this.options.nc.isClosed()) return
    for (const message of [...this.inFlight.keys(), ...this.waiting]) message.working()
  }
}
