// What a service says of itself and its events when it begins to consume.
import type { EventBody, EventType } from '@careseal/contracts'
import type { LedgerEvent, Position } from '@careseal/event-envelope'
import type { NatsConnection } from 'nats'
import type { BrokerOptions } from '../connection.js'
import type { Trouble } from './consumer.js'
import type { EventContext } from './handling.js'
import type { PositionStore } from './position.js'

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
   * Where to begin. `stored` (default): what the broker has not had acknowledged; after a crash that waits until the broker
   * gives the unsettled ones again. `beginning` and a position are completed from the producers, whatever the broker lost.
   * A position in `positions` comes before it.
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
