// Reads all events of some producers exactly once in each producer's order, whatever the broker loses, repeats, reorders
// or alters: the stream is for speed, the producers' own answers are for completeness.
import type { NatsConnection } from 'nats'
import { firstLinkOf, readMessage, type LedgerEvent, type Position, type StreamMessage } from '@careseal/event-envelope'
import { FatalDelivery } from '../errors.js'
import { EventFeed } from './event-feed.js'
import { outboxClient, type OutboxClient } from './outbox-client.js'
import { backoffMs, pause } from './pause.js'
import { ProducerCursor } from './producer-cursor.js'
import { Repairs } from './repairs.js'

export type ReaderOptions = {
  nc: NatsConnection
  /** The log's origin, from which each producer's first link is derived. */
  origin: string
  /** Where to go on, per producer. `{ seq: 0, link: '' }` is the beginning: the first link is put in. */
  producers: Position
  /** Filters of the stream; default all events of the producers. Gaps are by producer, so leave none of its events out. */
  subjects?: readonly string[]
  /**
   * Called serially with verified events, contiguous per producer. The position moves when it resolves. When it
   * throws, the same events come again after a back-off; a FatalDelivery ends the reader.
   */
  deliver: (batch: LedgerEvent[]) => Promise<void>
  /** Events per call of `deliver`; default 500. */
  maxBatch?: number
  /** How long the first event after a pause waits for others to share its call of `deliver`; default 0. */
  lingerMs?: number
  /** How often producers are asked for their heads; default 5000. */
  headIntervalMs?: number
  /** Deadline of one question for a head; default 1000. A replay may take five times as long. */
  headDeadlineMs?: number
  /**
   * What is held in memory of one producer beyond what is being delivered; default 48 MiB. When all of them have a third
   * of it, the broker is held back, which may have 32 MiB on the way by then. More is dropped and replayed later.
   */
  maxBufferedBytes?: number
  /** Older messages are asked from the producers, not from the stream; default all where nothing was read yet, else ten minutes. */
  since?: Date
  /** The producer itself confirmed that its chain does not fit ours: it is read no further until `reset`. */
  onFrozen?: (producer: string, reason: string) => void
  /** Failures that the reader lives with: a delivery that will be retried, a silent producer, a lost consumer. */
  onTrouble?: (trouble: ReaderTrouble) => void
}

export type ReaderTrouble = { kind: 'delivery' | 'producer' | 'stream'; producer?: string; error: unknown }

export type ProducerStatus = {
  seq: number
  /** The last head that the producer told, or null. */
  headSeq: number | null
  bufferedEvents: number
  frozen: string | null
  /** True while the producer does not answer. */
  silent: boolean
}

export type ReaderStatus = {
  running: boolean
  /** True when every producer told its head and was read to it. */
  caughtUp: boolean
  producers: Record<string, ProducerStatus>
}

/** Reads events for completeness, not only for speed: what the stream lacks is fetched from the producers. */
export type EventReader = {
  start(): void
  /** Stops pulling and resolves when the delivery in flight has ended. */
  stop(): Promise<void>
  /** A copy of the position after the last delivery that resolved. */
  position(): Position
  /** Goes on from another position; unfreezes. What is in flight does not count. */
  reset(position: Position): void
  status(): ReaderStatus
  /** Resolves after `stop`, rejects with the FatalDelivery that ended the reader. */
  readonly finished: Promise<void>
}

/** A reader that has not started yet. */
export function readEvents(options: ReaderOptions): EventReader {
  return new Reader(options)
}

// JsFlowControlMaxPending of nats-server, and half as much to go on with until the broker sends again.
const BUFFERED_BYTES = (32 + 16) * 1024 * 1024
const RECENT_MS = 10 * 60 * 1000

class Reader implements EventReader {
  private readonly end = Promise.withResolvers<void>()
  private readonly stopping = new AbortController()
  private readonly outbox: OutboxClient
  private cursors = new Map<string, ProducerCursor>()
  private repairs: Repairs
  private feed: EventFeed
  private wake = Promise.withResolvers<void>()
  private turn = 0
  private state: 'new' | 'running' | 'ended' = 'new'

  constructor(private readonly options: ReaderOptions) {
    this.outbox = outboxClient(options.nc, options.headDeadlineMs ?? 1000)
    // `finished` may have no listener; a rejection that nobody awaits must not end the process.
    this.end.promise.catch(() => undefined)
    ;({ feed: this.feed, repairs: this.repairs } = this.prepare(options.producers))
  }

  get finished(): Promise<void> {
    return this.end.promise
  }

  start(): void {
    if (this.state !== 'new') throw new Error('a reader starts once')
    this.state = 'running'
    this.launch()
    void this.pump()
  }

  async stop(): Promise<void> {
    if (this.state === 'new') this.finish()
    this.stopping.abort()
    this.wake.resolve()
    await this.end.promise.catch(() => undefined)
  }

  position(): Position {
    return Object.fromEntries([...this.cursors].map(([producer, cursor]) => [producer, cursor.position]))
  }

  reset(position: Position): void {
    const { feed, repairs } = this
    repairs.stop()
    feed.stop()
    ;({ feed: this.feed, repairs: this.repairs } = this.prepare(position))
    if (this.state === 'running') this.launch()
  }

  status(): ReaderStatus {
    const producers = Object.fromEntries([...this.cursors].map(([producer, cursor]) => [producer, statusOf(cursor)]))
    const caughtUp = Object.values(producers).every(({ seq, headSeq }) => headSeq !== null && seq >= headSeq)
    return { running: this.state === 'running', caughtUp, producers }
  }

  private prepare(position: Position): { feed: EventFeed; repairs: Repairs } {
    const { nc, origin, maxBufferedBytes = BUFFERED_BYTES } = this.options
    const producers = Object.entries(position)
    const cursorOf = ([producer, { seq, link }]: (typeof producers)[number]) => {
      return new ProducerCursor(producer, { seq, link: link || firstLinkOf(origin, producer) }, maxBufferedBytes)
    }
    const cursors = producers.map(cursorOf)
    this.cursors = new Map(cursors.map((cursor) => [cursor.producer, cursor]))
    const feed = new EventFeed({
      nc,
      subjects: this.options.subjects ?? cursors.map(({ producer }) => `evt.${producer}.>`),
      since: this.options.since ?? (producers.every(([, { seq }]) => seq === 0) ? null : recently()),
      onMessage: (message) => this.receive(message),
      onTrouble: (error) => this.options.onTrouble?.({ kind: 'stream', error }),
      hasRoom: () => cursors.reduce((sum, { queuedBytes }) => sum + queuedBytes, 0) < maxBufferedBytes / 3,
    })
    return { feed, repairs: new Repairs(cursors, this.repairOptions(feed)) }
  }

  private repairOptions(feed: EventFeed) {
    return {
      outbox: this.outbox,
      intervalMs: this.options.headIntervalMs ?? 5000,
      isStreamIdle: () => feed.isIdle,
      onProgress: () => this.wake.resolve(),
      onSilent: (producer: string, error: unknown) => this.options.onTrouble?.({ kind: 'producer', producer, error }),
      onFrozen: (producer: string, reason: string) => this.options.onFrozen?.(producer, reason),
    }
  }

  private launch(): void {
    this.feed.start()
    this.repairs.start()
  }

  private receive(message: StreamMessage): void {
    const isStale = (producer: string, seq: number) => this.cursors.get(producer)?.isStale(seq) ?? true
    const reading = readMessage(message, isStale)
    if (reading.kind === 'stale') return
    const producer = reading.kind === 'candidate' ? reading.candidate.producer : reading.producer
    const cursor = this.cursors.get(producer ?? '')
    if (cursor === undefined) return
    if (reading.kind === 'unreadable') cursor.markMissing()
    else cursor.offer(reading.candidate)
    if (cursor.needsReplay) this.repairs.repair(cursor)
    this.wake.resolve()
  }

  private async pump(): Promise<void> {
    let failures = 0
    while (!this.stopping.signal.aborted) {
      const { taken, events } = this.takeBatch()
      if (events.length === 0) {
        await this.sleepUntilWoken()
        await this.linger()
        continue
      }
      failures = (await this.deliver(taken, events)) ? 0 : failures + 1
      if (failures > 0) await pause(backoffMs(failures - 1, 100, 5000), this.stopping.signal)
    }
    this.finish()
  }

  private async deliver(taken: ProducerCursor[], events: LedgerEvent[]): Promise<boolean> {
    try {
      await this.options.deliver(events)
    } catch (error) {
      for (const cursor of taken) cursor.giveBack()
      if (error instanceof FatalDelivery) this.fail(error)
      else this.options.onTrouble?.({ kind: 'delivery', error })
      return false
    }
    for (const cursor of taken) cursor.confirm()
    this.goOn(taken)
    return true
  }

  private goOn(delivered: ProducerCursor[]): void {
    for (const cursor of delivered) if (cursor.needsReplay) this.repairs.repair(cursor)
    this.feed.resume()
  }

  // Each call begins with another producer, so that a busy one does not keep the others waiting.
  private takeBatch(): { taken: ProducerCursor[]; events: LedgerEvent[] } {
    const cursors = [...this.cursors.values()]
    const first = cursors.length === 0 ? 0 : this.turn++ % cursors.length
    const events: LedgerEvent[] = []
    const taken: ProducerCursor[] = []
    for (const cursor of [...cursors.slice(first), ...cursors.slice(0, first)]) {
      const own = cursor.take((this.options.maxBatch ?? 500) - events.length)
      if (own.length > 0) taken.push(cursor)
      events.push(...own)
    }
    return { taken, events }
  }

  private async sleepUntilWoken(): Promise<void> {
    await this.wake.promise
    this.wake = Promise.withResolvers<void>()
  }

  private async linger(): Promise<void> {
    const { lingerMs = 0 } = this.options
    if (lingerMs > 0) await pause(lingerMs, this.stopping.signal)
  }

  private fail(error: FatalDelivery): void {
    this.stopping.abort()
    this.end.reject(error)
  }

  private finish(): void {
    this.state = 'ended'
    this.repairs.stop()
    this.feed.stop()
    this.end.resolve()
  }
}

// A producer that told nothing so far is no reason to read all of the stream again.
function recently(): Date {
  return new Date(Date.now() - RECENT_MS)
}

function statusOf(cursor: ProducerCursor): ProducerStatus {
  const { headSeq, bufferedEvents, frozen, silent } = cursor
  return { seq: cursor.position.seq, headSeq, bufferedEvents, frozen, silent }
}
