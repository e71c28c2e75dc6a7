// When and how producers are asked: heads at start and at intervals, all in parallel; replays where a cursor lacks
// something, one at a time per producer. A producer that does not answer delays only itself.
import type { OutboxClient } from './outbox-client.js'
import { backoffMs, pause } from './pause.js'
import type { ProducerCursor } from './producer-cursor.js'

export type RepairOptions = {
  outbox: OutboxClient
  intervalMs: number
  /** True when the stream has nothing more to send. */
  isStreamIdle: () => boolean
  /** Something can be delivered. */
  onProgress: () => void
  onSilent: (producer: string, error: unknown) => void
  onFrozen: (producer: string, reason: string) => void
}

// An event is numbered before it is published: a head may be a moment ahead of the stream, and the stream is just
// being opened at the start.
const GRACE_MS = 250

export class Repairs {
  private readonly stopping = new AbortController()
  private readonly busy = new Set<ProducerCursor>()
  private readonly frozen = new Set<ProducerCursor>()

  constructor(
    private readonly cursors: readonly ProducerCursor[],
    private readonly options: RepairOptions,
  ) {}

  start(): void {
    for (const cursor of this.cursors) void this.watchHead(cursor)
  }

  stop(): void {
    this.stopping.abort()
  }

  /** Fetches what the cursor lacks, trying until it has it. Does nothing while a former call is at it. */
  repair(cursor: ProducerCursor): void {
    if (this.busy.has(cursor) || this.stopping.signal.aborted) return
    this.busy.add(cursor)
    void this.repairUntilDone(cursor).finally(() => this.busy.delete(cursor))
  }

  private async watchHead(cursor: ProducerCursor): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const tailBefore = cursor.tailSeq
      if (cursor.frozen === null) await this.askHead(cursor)
      await pause(this.options.intervalMs, this.stopping.signal)
      // The stream claims to have more, but nothing came of it: the producer is asked instead.
      const isStuck = tailBefore === cursor.tailSeq && cursor.tailSeq < (cursor.headSeq ?? 0)
      if (isStuck) this.fetchRest(cursor)
    }
  }

  private async askHead(cursor: ProducerCursor): Promise<void> {
    try {
      const askedAt = cursor.position.seq
      cursor.tellHead(await this.options.outbox.head(cursor.producer), askedAt)
      cursor.silent = false
    } catch (error) {
      return this.fellSilent(cursor, error)
    }
    if (cursor.needsReplay) return this.repair(cursor)
    await pause(GRACE_MS, this.stopping.signal)
    const isBehind = cursor.tailSeq < (cursor.headSeq ?? 0)
    if (isBehind && this.options.isStreamIdle()) this.fetchRest(cursor)
  }

  private fetchRest(cursor: ProducerCursor): void {
    cursor.markMissing(cursor.headSeq ?? 0)
    this.repair(cursor)
  }

  private async repairUntilDone(cursor: ProducerCursor): Promise<void> {
    for (let failures = 0; cursor.needsReplay && !this.stopping.signal.aborted; failures++) {
      try {
        await this.replayPages(cursor)
      } catch (error) {
        this.fellSilent(cursor, error)
        await pause(backoffMs(failures, 200, this.options.intervalMs), this.stopping.signal)
      }
    }
  }

  private async replayPages(cursor: ProducerCursor): Promise<void> {
    while (cursor.needsReplay && !this.stopping.signal.aborted) {
      const question = cursor.replayQuestion()
      const page = await this.options.outbox.replay(cursor.producer, question.from)
      cursor.silent = false
      cursor.applyReplay(question, { events: page.events, isWhole: !page.hasMore })
      this.announce(cursor)
    }
  }

  private announce(cursor: ProducerCursor): void {
    this.options.onProgress()
    if (cursor.frozen === null || this.frozen.has(cursor)) return
    this.frozen.add(cursor)
    this.options.onFrozen(cursor.producer, cursor.frozen)
  }

  private fellSilent(cursor: ProducerCursor, error: unknown): void {
    if (!cursor.silent) this.options.onSilent(cursor.producer, error)
    cursor.silent = true
  }
}
