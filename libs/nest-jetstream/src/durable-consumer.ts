// The loop of one durable consumer: at least once, acknowledged after the work, never lost without a dead letter. It
// makes its consumer anew when the broker lost it, and holds a bounded number of messages.
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  JetStreamApiError,
  jetstreamManager,
  type Consumer,
  type ConsumerConfig,
  type ConsumerMessages,
  type JsMsg,
} from '@nats-io/jetstream'
import { ensureStreamsAgain, EVENTS_STREAM, MessagingError, type NatsConnection } from '@careseal/messaging'
import { setTimeout as sleep } from 'node:timers/promises'
import { nanos } from 'nats'

export type DurableConsumerOptions = {
  nc: NatsConnection
  durable: string
  subjects: readonly string[]
  manageConsumer: boolean
  ackWaitMs: number
  concurrency: number
  /** Nothing is handled before everything that the stream has before it is settled. Needs `concurrency` 1. */
  ordered: boolean
  /** Resolves to whether the message is settled; otherwise it comes again. Never rejects. */
  handle: (message: JsMsg) => Promise<boolean>
  onTrouble: (error: unknown) => void
}

const CONSUMER_EXISTS = 10148
const RETRY_MS = 1000
// Unsettled messages that the broker lets out at a time, over all replicas of the service.
const UNSETTLED_MAX = 256
const LOOK_MS = 250
const TELL_AGAIN_MS = 300_000

/** The platform's durable consumer lets out several messages at a time, and so keeps no order. */
export class ConsumerUnfit extends MessagingError {
  constructor(durable: string) {
    const mend = 'whoever made it sets max_ack_pending to 1, or ordered is left out'
    super('consumer-unfit', `the durable consumer ${durable} does not let out one message at a time: ${mend}`)
  }
}

export class DurableConsumer {
  private readonly stopping = new AbortController()
  private readonly waiting: JsMsg[] = []
  private readonly inFlight = new Map<JsMsg, Promise<void>>()
  private messages: ConsumerMessages | undefined
  private loop: Promise<void> = Promise.resolve()
  private beat: NodeJS.Timeout | undefined
  private isGathering = false
  private told = { trouble: '', again: 0 }

  constructor(private readonly options: DurableConsumerOptions) {}

  start(): void {
    this.beat = setInterval(() => this.sayWorking(), this.options.ackWaitMs / 3)
    this.loop = this.run()
  }

  /** Takes no more messages; what waits here goes back to the broker. */
  stopPulling(): void {
    this.stopping.abort()
    this.giveBack()
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
        if (this.isGathering) this.giveBack()
        this.tell(error)
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
    if (this.options.ordered) await this.requireOneAtATime(consumer)
    this.isGathering = this.options.ordered
    this.messages = await consumer.consume({
      max_messages: Math.min(4 * this.options.concurrency, UNSETTLED_MAX),
      expires: 10_000,
      abort_on_missing_resource: true,
      callback: (message) => this.take(message),
    })
    this.told.trouble = ''
    if (this.isGathering) await this.gather(consumer)
    const error = await this.messages.closed()
    if (error instanceof Error) throw error
  }

  // What nobody has mended fails alike at each try: it is told when it changes, and now and then.
  private tell(error: unknown): void {
    const trouble = String(error)
    if (trouble === this.told.trouble && performance.now() < this.told.again) return
    this.told = { trouble, again: performance.now() + TELL_AGAIN_MS }
    this.options.onTrouble(error)
  }

  private async requireOneAtATime(consumer: Consumer): Promise<void> {
    const { config } = await consumer.info(true)
    if (config.max_ack_pending !== 1) throw new ConsumerUnfit(this.options.durable)
  }

  // What was let out before this and never settled comes again in any order, but nothing new before it: a process that kept
  // no order may have left many. So all of it is waited for, and sorted. Of two processes that each hold a part of it, the
  // one that loses patience first leaves all to the other.
  private async gather(consumer: Consumer): Promise<void> {
    const giveUpAt = performance.now() + this.options.ackWaitMs * (1 + Math.random())
    while (!(await this.holdsAllUnsettled(consumer))) {
      if (this.stopping.signal.aborted || performance.now() > giveUpAt) return this.giveBack()
      await sleep(LOOK_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined)
    }
    this.waiting.sort((a, b) => placeOf(a) - placeOf(b))
    this.isGathering = false
    this.next()
  }

  private async holdsAllUnsettled(consumer: Consumer): Promise<boolean> {
    const { num_ack_pending: unsettled } = await consumer.info()
    return unsettled <= new Set(this.waiting.map(placeOf)).size
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
      // One: then the broker itself keeps the order, whoever dies and whatever comes again.
      max_ack_pending: this.options.ordered ? 1 : UNSETTLED_MAX,
      filter_subjects: [...this.options.subjects],
    } satisfies Partial<ConsumerConfig>
  }

  private take(message: JsMsg): void {
    if (this.stopping.signal.aborted) return message.nak()
    this.waiting.push(message)
    this.next()
  }

  private next(): void {
    while (!this.isGathering && this.inFlight.size < this.options.concurrency) {
      const message = this.waiting.shift()
      if (message === undefined) return
      this.inFlight.set(message, this.handle(message))
    }
  }

  private async handle(message: JsMsg): Promise<void> {
    const isSettled = await this.options.handle(message)
    this.inFlight.delete(message)
    if (this.options.ordered && !isSettled) this.giveBack()
    this.next()
  }

  // The loop then begins anew, unless it was stopped.
  private giveBack(): void {
    void this.messages?.close()
    for (const message of this.waiting.splice(0)) message.nak()
  }

  // Without a sign of life the broker would deliver again what merely waits its turn.
  private sayWorking(): void {
    if (this.options.nc.isClosed()) return
    for (const message of [...this.inFlight.keys(), ...this.waiting]) message.working()
  }
}

function placeOf(message: JsMsg): number {
  return message.info.streamSequence
}
