// What a running consumer is to the one who started it.
import type { Position } from '@careseal/event-envelope'

export type Trouble = {
  kind: 'handler' | 'dead-letter' | 'producer' | 'broker' | 'position' | 'erasure'
  producer?: string
  seq?: number
  error: unknown
}

export type ConsumerStatus = {
  position: Position
  /** Messages held here that are not settled. */
  held: number
  /** Producers that contradict what was read before, and why; none of their events comes until that is mended. */
  contradictions: Record<string, string>
}

/** A running consumer. */
export type Consumer = {
  status(): ConsumerStatus
  /**
   * Resolves once every event up to these numbers of their producers is settled: `reached(await ledgerHeads(…))`.
   *
   * Rejects with ProducerContradicts when one of them never will be, and with Stopped when the consumer stops before.
   */
  reached(seqs: Readonly<Record<string, number>>): Promise<void>
  /** Takes no more, lets what is being handled end, saves the position. Safe to call twice. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
