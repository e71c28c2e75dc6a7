// Events of a ledger for a service outside of it: each once it was handled, in its producer's order, with what the broker
// lost fetched from the producer, and with what cannot be handled put aside instead of in the way.
import { incarnationOf, producerOf, subjectFilterOf, type EventBody, type EventType } from '@careseal/contracts'
import {
  firstLinkOf,
  producerIn,
  readMessage,
  subjectMatches,
  type LedgerEvent,
  type Position,
  type ProducerPosition,
} from '@careseal/event-envelope'
import type { JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from 'nats'
import { connectBroker, type BrokerOptions } from '../connection.js'
import { NotGranted } from '../failures.js'
import { Acknowledgements } from './acknowledgements.js'
import type { Consumer, ConsumerStatus, Trouble } from './consumer.js'
import { answerErasures } from './erasures.js'
import { Handling, type EventContext, type Handler } from './handling.js'
import { Lane } from './lane.js'
import type { PositionStore } from './position.js'
import { ackWaitMs, consumerInfo, pull } from './pull.js'
import { whenReached } from './reached.js'
import { replayPage } from './replay.js'

/** The event of one of these types, told apart by `type`. */
export type EventOf<T extends EventType> = { [K in T]: EventBody<K> }[T]

export type ConsumeOptions<T extends EventType> = {
  /** The broker, or a connection to it whose inbox prefix is `_INBOX.<durable>`. */
  nats: BrokerOptions | NatsConnection
  /** The consumer's name as the operator registered it: its NATS user, its durable consumer, `dlq.<durable>`. */
  durable: string
  types: readonly T[]
  /**
   * Called with one event of a producer at a time. Resolves: done, never again but after a crash. Throws: again after a
   * back-off, then a dead letter. At least once: let it be idempotent by `event.id`.
   */
  onEvent: (event: EventOf<T>, context: EventContext) => Promise<void> | void
  /**
   * Where to begin. `stored` (default): what the broker has not had acknowledged. `beginning` and a position are
   * completed from the producers, whatever the broker lost. A position in `positions` comes before it.
   */
  from?: 'stored' | 'beginning' | Position
  /** Where the position is kept between two runs. Without it, what the broker lost while this stood still is not missed. */
  positions?: PositionStore
  /** The ledger's origin. With it the first event of each producer is checked as well. */
  origin?: string
  /** False: gaps are taken as they are, and nothing is asked of producers. Default true. */
  replay?: boolean
  /**
   * For consumers that keep personal data: forgets these subjects and says how many it knew. When it resolves the
   * erasure is acknowledged to the operator; when it throws it is not, and is asked again.
   */
  forget?: (subjectIds: readonly string[]) => Promise<number>
  /** Hands an event on only when its leaf is proved to stand in a co-signed block: `proveLeaves(…)`. */
  prove?: (event: LedgerEvent, signal: AbortSignal) => Promise<void>
  /** Attempts until an event becomes a dead letter; default 6. */
  maxAttempts?: number
  /** Waiting times before the second, third … attempt; the last one repeats. Default 100 ms to 15 s. */
  backoffMs?: readonly number[]
  /** How long one attempt may take; default 30 000. */
  handlerTimeoutMs?: number
  /** How often producers are asked for what the stream did not bring; default 5000. */
  checkIntervalMs?: number
  /** Failures that the consumer lives with; never holds an event's content. */
  onTrouble?: (trouble: Trouble) => void
}

/**
 * Starts to consume. Run one process per durable consumer.
 *
 * Rejects when the broker is not there, when the operator has not made the consumer, or with NotGranted.
 */
export async function consume<T extends EventType>(options: ConsumeOptions<T>): Promise<Consumer> {
  const { nats, durable } = options
  const isOwn = 'url' in nats
  const nc = isOwn ? await connectBroker(nats, durable) : nats
  try {
    const info = await consumerInfo(nc, durable)
    checkGrants(durable, options.types, info.config.filter_subjects ?? [info.config.filter_subject ?? '>'])
    const start = (await options.positions?.load()) ?? options.from ?? 'stored'
    const running = new RunningConsumer(nc, options as unknown as ConsumeOptions<EventType>, start)
    running.start(ackWaitMs(info))
    return consumerOf(running, isOwn ? nc : null)
  } catch (error) {
    if (isOwn) await nc.close()
    throw error
  }
}

function checkGrants(durable: string, types: readonly EventType[], granted: readonly string[]): void {
  const missing = types.filter((type) => !granted.some((filter) => subjectMatches(filter, subjectFilterOf(type))))
  if (missing.length > 0) throw new NotGranted(durable, missing)
}

function consumerOf(running: RunningConsumer, own: NatsConnection | null): Consumer {
  let stopped: Promise<void> | null = null
  const stop = async () => {
    await running.stop()
    await own?.drain().catch(() => own.close())
  }
  const stopOnce = () => (stopped ??= stop())
  return {
    status: () => running.status(),
    reached: (seqs) => running.reached(seqs),
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  }
}

const BACKOFF_MS = [100, 500, 2000, 5000, 15_000]
const SAVE_MS = 250

class RunningConsumer {
  private readonly stopping = new AbortController()
  private readonly lanes = new Map<string, Lane>()
  private readonly work: Promise<void>[] = []
  private readonly held = new Set<JsMsg>()
  private readonly acknowledgements: Acknowledgements
  private readonly handling: Handling
  private readonly services: ReadonlySet<string>
  private readonly timers: NodeJS.Timeout[] = []
  private isMoved = false
  private saving: Promise<void> = Promise.resolve()

  constructor(
    private readonly nc: NatsConnection,
    private readonly options: ConsumeOptions<EventType>,
    private readonly from: 'stored' | 'beginning' | Position,
  ) {
    this.services = new Set(options.types.map(producerOf))
    this.acknowledgements = new Acknowledgements(() => nc.isClosed())
    this.handling = new Handling({
      nc,
      durable: options.durable,
      types: new Set(options.types),
      onEvent: options.onEvent as Handler,
      maxAttempts: options.maxAttempts ?? 6,
      backoffMs: options.backoffMs ?? BACKOFF_MS,
      handlerTimeoutMs: options.handlerTimeoutMs ?? 30_000,
      prove: options.prove,
      stopping: this.stopping.signal,
      onRetry: (event, error) => this.tell('handler', error, event),
      onDeadLetter: (event, reason) => this.tell('dead-letter', new Error(reason), event),
    })
  }

  start(ackWait: number): void {
    const { nc } = this
    const { durable } = this.options
    const known = typeof this.from === 'object' ? Object.keys(this.from) : []
    for (const producer of new Set([...this.services, ...known])) this.laneOf(producer)
    // Without a sign of life the broker would deliver again what merely waits its turn.
    this.timers.push(setInterval(() => this.sayWorking(), ackWait / 3))
    this.timers.push(setInterval(() => this.save(), SAVE_MS))
    const { forget } = this.options
    if (forget !== undefined) {
      const erasures = answerErasures(nc, durable, { forget, onTrouble: (error) => this.tell('erasure', error) })
      this.stopping.signal.addEventListener('abort', () => this.work.push(erasures.stop()))
    }
    this.work.push(
      pull({
        nc,
        durable,
        onMessage: (message) => this.receive(message),
        onTrouble: (error) => this.tell('broker', error),
        stopping: this.stopping.signal,
      }),
    )
  }

  status(): ConsumerStatus {
    const lanes = [...this.lanes]
    const contradictions = lanes.flatMap(([producer, { contradiction }]) =>
      contradiction === null ? [] : [[producer, contradiction] as const],
    )
    return { position: this.position(), held: this.held.size, contradictions: Object.fromEntries(contradictions) }
  }

  reached(seqs: Readonly<Record<string, number>>): Promise<void> {
    // Of an incarnation whose events the broker lost, nothing else may ever be heard.
    for (const producer of Object.keys(seqs)) this.laneOf(producer)
    return whenReached(() => this.status(), seqs, this.stopping.signal)
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.work)
    this.acknowledgements.flush()
    for (const timer of this.timers) clearInterval(timer)
    this.save()
    await this.saving
  }

  private position(): Position {
    const places = [...this.lanes].flatMap(([producer, { position }]) => (position ? [[producer, position]] : []))
    return Object.fromEntries(places) as Position
  }

  private receive(message: JsMsg): void {
    const reading = readMessage(
      { subject: message.subject, headers: Object.fromEntries(message.headers ?? []), body: message.data },
      () => false,
    )
    const candidate = reading.kind === 'candidate' ? reading.candidate : null
    const producer = producerIn(message.subject)
    // A service that publishes another's type under its own name is not believed; the grant is for types of their owners.
    if (producer === null || !this.services.has(incarnationOf(producer).service)) return message.ack()
    this.held.add(message)
    this.laneOf(producer).offer({
      candidate,
      acknowledge: () => {
        this.held.delete(message)
        this.acknowledgements.add(message)
      },
      giveBack: () => {
        this.held.delete(message)
        if (!this.nc.isClosed()) message.nak()
      },
    })
  }

  private laneOf(producer: string): Lane {
    const known = this.lanes.get(producer)
    if (known !== undefined) return known
    const { durable, replay = true, checkIntervalMs = 5000 } = this.options
    const lane = new Lane({
      producer,
      position: this.beginningOf(producer),
      replay: replay ? (from) => replayPage(this.nc, durable, { producer, from }) : null,
      settle: (event) => this.handling.settle(event),
      onProgress: () => (this.isMoved = true),
      onTrouble: (error) => this.tell('producer', error, { producer }),
      checkIntervalMs,
      stopping: this.stopping.signal,
    })
    this.lanes.set(producer, lane)
    this.work.push(lane.run())
    return lane
  }

  private beginningOf(producer: string): ProducerPosition | null {
    const { origin } = this.options
    if (this.from === 'stored') return null
    if (this.from !== 'beginning' && this.from[producer] !== undefined) return this.from[producer]
    return { seq: 0, link: origin === undefined ? '' : firstLinkOf(origin, producer) }
  }

  private sayWorking(): void {
    if (!this.nc.isClosed()) for (const message of this.held) message.working()
  }

  private save(): void {
    const { positions } = this.options
    if (positions === undefined || !this.isMoved) return
    this.isMoved = false
    const position = this.position()
    this.saving = this.saving
      .then(() => positions.save(position))
      .catch((error: unknown) => {
        this.isMoved = true
        this.tell('position', error)
      })
  }

  private tell(kind: Trouble['kind'], error: unknown, at: { producer?: string; seq?: number } = {}): void {
    const { producer, seq } = at
    this.options.onTrouble?.({
      kind,
      error,
      ...(producer === undefined ? {} : { producer }),
      ...(seq === undefined ? {} : { seq }),
    })
  }
}
