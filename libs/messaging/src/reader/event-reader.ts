import type { NatsConnection } from 'nats'
import type { LedgerEvent, Position } from '../ledger-event.js'

export type ReaderOptions = {
  nc: NatsConnection
  /** The log's origin, from which each producer's first link is derived. */
  origin: string
  /** Where to go on, per producer. `{ seq: 0, link: '' }` is the beginning: the first link is put in. */
  producers: Position
  /** Filters of the stream; default all events of the producers. */
  subjects?: readonly string[]
  /**
   * Called serially with verified events, contiguous per producer. The position moves when it resolves. When it
   * throws, the same events come again after a back-off; a FatalDelivery ends the reader.
   */
  deliver: (batch: LedgerEvent[]) => Promise<void>
  /** Events per call of `deliver`; default 500. */
  maxBatch?: number
  /** How often producers are asked for their heads; default 5000. */
  headIntervalMs?: number
  /** Deadline of one question to a producer; default 1000. */
  headDeadlineMs?: number
  /** What is held in memory beyond what is being delivered; default 32 MiB. More is dropped and replayed later. */
  maxBufferedBytes?: number
  /** Older messages are not asked from the stream but from the producers; default all from a zero position, else ten minutes. */
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
  /** True when every producer that answers was read to its last known head. */
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

export function readEvents(_options: ReaderOptions): EventReader {
  throw new Error('not written yet')
}
