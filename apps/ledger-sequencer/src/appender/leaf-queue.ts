// What waits for its block. Bounded: whoever offers waits until there is room, so memory does not grow with the backlog.
import { setTimeout as delay } from 'node:timers/promises'

/** A leaf whose place in its producer's chain was verified; `link` (64 hex digits) is the chain's link after it. */
export type PendingLeaf = { producer: string; seq: number; tag: string; commitment: string; link: string }

export type QueueLimits = {
  /** Leaves in a batch at most. */
  batchMax: number
  /** How long the first leaf of a batch waits for others. */
  lingerMs: number
}

/** Leaves in arrival order, per producer in seq order, taken in batches. */
export class LeafQueue {
  private readonly waiting: PendingLeaf[] = []
  /** When the leaves that wait were offered: so many, at that time. */
  private readonly offers: { count: number; at: number }[] = []
  private closed = false
  private interrupted = false
  private heldUntil = 0
  private wakeTaker: () => void = () => {}
  private wakeOffers: (() => void)[] = []

  constructor(private readonly limits: QueueLimits) {}

  get length(): number {
    return this.waiting.length
  }

  /** Since when the first leaf waits, in milliseconds since 1970; undefined when none does. */
  get waitingSince(): number | undefined {
    return this.offers[0]?.at
  }

  /** Resolves once there is room for more. Leaves offered after `close` are dropped: they were never acknowledged. */
  async offer(leaves: readonly PendingLeaf[]): Promise<void> {
    if (this.closed) return
    for (const leaf of leaves) this.waiting.push(leaf)
    if (leaves.length > 0) this.offers.push({ count: leaves.length, at: Date.now() })
    this.wakeTaker()
    while (this.waiting.length >= 2 * this.limits.batchMax && !this.closed) {
      await new Promise<void>((room) => this.wakeOffers.push(room))
    }
  }

  /** The next batch, grouped by producer name with seqs rising; empty after `interrupt`, null once closed and empty. */
  async take(): Promise<PendingLeaf[] | null> {
    while (!this.interrupted && (this.waiting.length === 0 || this.isHeld)) {
      if (this.closed && this.waiting.length === 0) return null
      await new Promise<void>((wake) => (this.wakeTaker = wake))
    }
    if (this.interrupted) {
      this.interrupted = false
      return []
    }
    if (this.waiting.length < this.limits.batchMax && !this.closed) await this.linger()
    const batch = this.waiting.splice(0, this.limits.batchMax)
    this.forgetOffers(batch.length)
    for (const wake of this.wakeOffers.splice(0)) wake()
    return byProducer(batch)
  }

  /** Ends the wait of `take` with an empty batch: there is something else to do between two batches. */
  interrupt(): void {
    this.interrupted = true
    this.wakeTaker()
  }

  /** Keeps leaves waiting for a while; `interrupt` is heard all the same. */
  hold(milliseconds: number): void {
    this.heldUntil = performance.now() + milliseconds
    setTimeout(() => this.wakeTaker(), milliseconds + 1)
  }

  release(): void {
    this.heldUntil = 0
    this.wakeTaker()
  }

  /** Lets what waits be taken without lingering, and accepts nothing more. */
  close(): void {
    this.closed = true
    this.heldUntil = 0
    this.wakeTaker()
    for (const wake of this.wakeOffers.splice(0)) wake()
  }

  /** Drops what waits, and accepts nothing more: nothing of it was acknowledged, so it comes again. */
  discard(): void {
    this.waiting.length = 0
    this.offers.length = 0
    this.close()
  }

  private get isHeld(): boolean {
    return performance.now() < this.heldUntil
  }

  private forgetOffers(taken: number): void {
    for (let left = taken, first = this.offers[0]; first && left > 0; first = this.offers[0]) {
      const count = Math.min(left, first.count)
      first.count -= count
      left -= count
      if (first.count === 0) this.offers.shift()
    }
  }

  private async linger(): Promise<void> {
    const end = new AbortController()
    this.wakeTaker = () => {
      if (this.closed || this.waiting.length >= this.limits.batchMax) end.abort()
    }
    await delay(this.limits.lingerMs, undefined, { signal: end.signal }).catch(() => {})
    this.wakeTaker = () => {}
  }
}

// Arrival order holds each producer's seq order already, so a stable grouping is enough.
function byProducer(batch: PendingLeaf[]): PendingLeaf[] {
  const groups = Map.groupBy(batch, (leaf) => leaf.producer)
  return [...groups.keys()].toSorted().flatMap((producer) => groups.get(producer) ?? [])
}
