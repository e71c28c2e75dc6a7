// Events of a ledger for a service outside of it: each once it was handled, in its producer's order, with what the broker
// lost fetched from the producer, and with what cannot be handled put aside instead of in the way.
import { incarnationOf, producerOf, subjectFilterOf, type EventType } from '@careseal/contracts'
import {
  firstLinkOf,
  headersIn,
  producerIn,
  readMessage,
  subjectMatches,
  type HeaderRecord,
  type Position,
  type ProducerPosition,
} from '@careseal/event-envelope'
import type { ConsumerInfo, JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from 'nats'
import { connectBroker } from '../connection.js'
import { NotGranted } from '../failures.js'
import { Acknowledgements } from './acknowledgements.js'
import { checkOptions } from './check-options.js'
import type { Consumer, ConsumerStatus, Trouble } from './consumer.js'
import { answerErasures } from './erasures.js'
import { Handling, type Handler } from './handling.js'
import { Lane } from './lane.js'
import { Leftovers } from './leftovers.js'
import type { ConsumeOptions } from './options.js'
import type { PositionStore } from './position.js'
import { PositionSaver } from './position-saver.js'
import { ackWaitMs, consumerInfo, pull } from './pull.js'
import { whenReached } from './reached.js'
import { replayPage } from './replay.js'

/**
 * Starts to consume. Run one process per durable consumer.
 *
 * Rejects when the broker is not there, when the operator has not made the consumer, or with InvalidOption or NotGranted.
 */
export async function consume<T extends EventType>(options: ConsumeOptions<T>): Promise<Consumer> {
  checkOptions(options)
  const { nats, durable } = options
  const isOwn = 'url' in nats
  const nc = isOwn ? await connectBroker(nats, durable) : nats
  try {
    const info = await consumerInfo(nc, durable)
    checkGrants(durable, options.types, info.config.filter_subjects ?? [info.config.filter_subject ?? '>'])
    const start = (await options.positions?.load()) ?? options.from ?? 'stored'
    const running = new RunningConsumer(nc, options as unknown as ConsumeOptions<EventType>, start)
    running.start(info)
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
  private leftovers: Leftovers | null = null
  private readonly saver: PositionSaver | null

  constructor(
    private readonly nc: NatsConnection,
    private readonly options: ConsumeOptions<EventType>,
    private readonly from: 'stored' | 'beginning' | Position,
  ) {
    this.services = new Set(options.types.map(producerOf))
    this.acknowledgements = new Acknowledgements(() => nc.isClosed())
    this.saver = options.positions === undefined ? null : this.saverTo(options.positions)
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

  start(info: ConsumerInfo): void {
    const { nc } = this
    const { durable } = this.options
    const ackWait = ackWaitMs(info)
    this.gatherLeftovers(info)
    const known = typeof this.from === 'object' ? Object.keys(this.from) : []
    for (const producer of new Set([...this.services, ...known])) this.laneOf(producer)
    // Without a sign of life the broker would deliver again what merely waits its turn.
    this.timers.push(setInterval(() => this.sayWorking(), ackWait / 3))
    this.timers.push(setInterval(() => this.saver?.save(), SAVE_MS))
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

  // Where the position or the producer says what comes next, what is missing is fetched at once.
  private gatherLeftovers(info: ConsumerInfo): void {
    const isOrderOfArrival = this.from === 'stored' || this.options.replay === false
    if (!isOrderOfArrival || info.num_ack_pending === 0) return
    const outstanding = async () => (await this.info()).num_ack_pending
    const stopping = this.stopping.signal
    this.leftovers = new Leftovers({
      upTo: info.delivered.stream_seq,
      outstanding,
      ackWaitMs: ackWaitMs(info),
      stopping,
    })
    this.work.push(this.leftovers.gather())
  }

  private info(): Promise<ConsumerInfo> {
    return consumerInfo(this.nc, this.options.durable)
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
    return whenReached({ status: () => this.status(), isDrained: () => this.isDrained() }, seqs, this.stopping.signal)
  }

  private async isDrained(): Promise<boolean> {
    const { num_pending, num_ack_pending } = await this.info()
    return num_pending === 0 && num_ack_pending === 0
  }

  async stop(): Promise<void> {
    this.stopping.abort()
    await Promise.all(this.work)
    this.acknowledgements.flush()
    for (const timer of this.timers) clearInterval(timer)
    await this.saver?.end()
  }

  private position(): Position {
    const places = [...this.lanes].flatMap(([producer, { position }]) => (position ? [[producer, position]] : []))
    return Object.fromEntries(places) as Position
  }

  private receive(message: JsMsg): void {
    const headers = headersIn(message)
    const reading = readMessage({ subject: message.subject, headers, body: message.data }, () => false)
    const candidate = reading.kind === 'candidate' ? reading.candidate : null
    const producer = producerIn(message.subject)
    // The grant is for types of their owners: what others publish under their own names is nobody's event.
    if (producer === null || !this.services.has(incarnationOf(producer).service)) return message.ack()
    this.held.add(message)
    const arrival = {
      candidate,
      claimedSeq: claimedSeqIn(headers),
      acknowledge: () => {
        this.held.delete(message)
        this.acknowledgements.add(message)
      },
      giveBack: () => {
        this.held.delete(message)
        if (!this.nc.isClosed()) message.nak()
      },
    }
    const lane = this.laneOf(producer)
    if (this.leftovers === null) lane.offer(arrival)
    else this.leftovers.offer({ lane, arrival, streamSeq: message.seq })
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
      onProgress: () => this.saver?.moved(),
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

  private saverTo(store: PositionStore): PositionSaver {
    const onTrouble = (error: unknown) => this.tell('position', error)
    return new PositionSaver({ store, position: () => this.position(), onTrouble })
  }

  private tell(kind: Trouble['kind'], error: unknown, at: { producer?: string; seq?: number } = {}): void {
    const { producer, seq } = at
    const trouble = {
      kind,
      error,
      ...(producer === undefined ? {} : { producer }),
      ...(seq === undefined ? {} : { seq }),
    }
    // Whatever the caller does with it, reading goes on.
    const told = async () => this.options.onTrouble?.(trouble)
    told().catch((failure: unknown) => process.emitWarning(`onTrouble of ${this.options.durable}: ${String(failure)}`))
  }
}

function claimedSeqIn(headers: HeaderRecord): number | null {
  const seq = Number(headers['ledger-seq']?.[0])
  return Number.isSafeInteger(seq) && seq > 0 ? seq : null
}
