// Where a reader is with one producer. Holds only events whose links continue the chain from the delivered position;
// what does not fit waits, is dropped, or puts the chain under suspicion. No I/O and no clock in here.
import { nextLinkOf, eventOf, type LedgerEvent, type ProducerPosition, type Candidate } from '@careseal/event-envelope'

export type Offer = 'accepted' | 'stale' | 'waiting' | 'mismatch' | 'dropped'

/**
 * What to ask the producer. With `check` its first event must be the one at that position. `missing` and `waiting` are
 * what made us ask: numbers are given before an event is published, so an answer that ends below them refutes them.
 */
export type ReplayQuestion = { from: number; check: ProducerPosition | null; missing: number; waiting: number[] }

/** `isWhole`: the producer has nothing after these events. */
export type ReplayAnswer = { events: readonly Candidate[]; isWhole: boolean }

const OVERHEAD_BYTES = 600
// All producers may answer at once, and no flow control holds their answers back.
const REPLAY_PART = 16

export class ProducerCursor {
  private delivered: ProducerPosition
  private taken: LedgerEvent[] = []
  private queue: LedgerEvent[] = []
  private tail: ProducerPosition
  private readonly ahead = new Map<number, Candidate>()
  private queueBytes = 0
  private aheadBytes = 0
  private missingUpTo = 0
  private suspect = false
  private frozenBecause: string | null = null
  /** The last head that the producer told. */
  headSeq: number | null = null
  silent = false

  constructor(
    readonly producer: string,
    start: ProducerPosition,
    private readonly bytesMax: number,
  ) {
    this.delivered = start
    this.tail = start
  }

  get position(): ProducerPosition {
    return { ...this.delivered }
  }

  get tailSeq(): number {
    return this.tail.seq
  }

  get frozen(): string | null {
    return this.frozenBecause
  }

  get queuedBytes(): number {
    return this.queueBytes
  }

  get bufferedEvents(): number {
    return this.queue.length + this.ahead.size
  }

  /** No more events are kept until some are delivered. */
  get isFull(): boolean {
    return this.queueBytes >= this.bytesMax
  }

  /** True when only the producer can tell how to go on. */
  get needsReplay(): boolean {
    const isMissing = this.suspect || this.missingUpTo > this.tail.seq || this.ahead.size > 0
    return isMissing && this.frozenBecause === null && this.queueBytes < this.bytesMax / REPLAY_PART
  }

  isStale(seq: number): boolean {
    return this.frozenBecause !== null || seq <= this.tail.seq
  }

  /** A message of the stream. Nothing but the chain makes it an event. */
  offer(candidate: Candidate): Offer {
    if (this.isStale(candidate.seq)) return 'stale'
    if (this.suspect || this.isFull) return this.drop(candidate.seq)
    if (candidate.seq > this.tail.seq + 1) return this.wait(candidate)
    if (!this.append(candidate)) {
      this.suspect = true
      return 'mismatch'
    }
    this.appendWaiting()
    return 'accepted'
  }

  /** Events up to this one exist, by default the next one; the stream did not bring them in a form that can be used. */
  markMissing(seq: number = this.tail.seq + 1): void {
    this.missingUpTo = Math.max(this.missingUpTo, seq)
  }

  /** The producer's head, asked when the delivered position was `askedAt`. */
  tellHead(head: ProducerPosition, askedAt: number): void {
    this.headSeq = head.seq
    const known = this.linkAt(head.seq)
    if (head.seq < askedAt || (known !== null && known !== head.link)) this.suspect = true
  }

  /** What to ask now. Under suspicion everything that is not yet out of our hands is fetched again. */
  replayQuestion(): ReplayQuestion {
    if (this.suspect) this.dropUndelivered()
    const { seq } = this.tail
    const check = this.suspect && seq > 0 ? this.tail : null
    return { from: check?.seq ?? seq + 1, check, missing: this.missingUpTo, waiting: [...this.ahead.keys()] }
  }

  /** The producer's own events, in order. A contradiction with what was delivered freezes it. */
  applyReplay(question: ReplayQuestion, { events, isWhole }: ReplayAnswer): void {
    const { check } = question
    if (check !== null && (events[0]?.seq !== check.seq || events[0].link !== check.link)) {
      return this.freeze('its own answer differs from what was read')
    }
    const isRefuted = !this.appendAnswer(events)
    // Our tail may come from a forged message that chains well: only an answer from what was delivered decides.
    if (isRefuted && this.suspect) return this.freeze('its own answer does not continue its chain')
    this.suspect = isRefuted
    this.appendWaiting()
    if (isWhole && !this.isFull && !this.suspect) this.forgetRefuted(question)
  }

  freeze(reason: string): void {
    this.frozenBecause = reason
    this.dropUndelivered()
  }

  /** Moves up to `count` events out for delivery. `confirm` or `giveBack` must follow. */
  take(count: number): LedgerEvent[] {
    this.taken = this.queue.splice(0, count)
    for (const event of this.taken) this.queueBytes -= sizeOf(event)
    return this.taken
  }

  confirm(): void {
    const last = this.taken.at(-1)
    if (last !== undefined) this.delivered = { seq: last.seq, link: last.link }
    this.taken = []
  }

  giveBack(): void {
    for (const event of this.taken) this.queueBytes += sizeOf(event)
    this.queue = this.frozenBecause === null ? [...this.taken, ...this.queue] : []
    this.taken = []
  }

  private append(candidate: Candidate): boolean {
    const event = eventOf(candidate)
    if (nextLinkOf(this.tail.link, event.leafHash) !== candidate.link) return false
    this.queue.push(event)
    this.queueBytes += sizeOf(event)
    this.tail = { seq: event.seq, link: event.link }
    return true
  }

  private appendAnswer(events: readonly Candidate[]): boolean {
    for (const event of events) {
      if (event.seq <= this.tail.seq) continue
      if (this.isFull) {
        this.markMissing(events.at(-1)?.seq)
        return true
      }
      if (event.seq !== this.tail.seq + 1 || !this.append(event)) return false
    }
    return true
  }

  private appendWaiting(): void {
    for (const seq of [...this.ahead.keys()].filter((seq) => seq <= this.tail.seq)) this.forget(seq)
    for (let next = this.ahead.get(this.tail.seq + 1); next; next = this.ahead.get(this.tail.seq + 1)) {
      this.forget(next.seq)
      if (!this.append(next)) {
        this.suspect = true
        return
      }
    }
  }

  // What waits behind a gap may take a quarter: the gap itself must still find room.
  private wait(candidate: Candidate): Offer {
    if (this.ahead.has(candidate.seq)) return 'stale'
    if (this.aheadBytes + sizeOf(candidate) > this.bytesMax / 4) return this.drop(candidate.seq)
    this.ahead.set(candidate.seq, candidate)
    this.aheadBytes += sizeOf(candidate)
    return 'waiting'
  }

  private drop(seq: number): Offer {
    this.markMissing(seq)
    return 'dropped'
  }

  private forgetRefuted({ missing, waiting }: ReplayQuestion): void {
    for (const seq of waiting) this.forget(seq)
    if (this.missingUpTo === missing) this.missingUpTo = this.tail.seq
  }

  private forget(seq: number): void {
    const candidate = this.ahead.get(seq)
    if (candidate !== undefined) this.aheadBytes -= sizeOf(candidate)
    this.ahead.delete(seq)
  }

  private dropUndelivered(): void {
    this.markMissing(Math.max(this.tail.seq, ...this.ahead.keys()))
    this.queue = []
    this.queueBytes = 0
    this.ahead.clear()
    this.aheadBytes = 0
    const last = this.taken.at(-1)
    this.tail = last === undefined ? this.delivered : { seq: last.seq, link: last.link }
  }

  private linkAt(seq: number): string | null {
    if (seq === this.delivered.seq) return this.delivered.link
    const held = [...this.taken, ...this.queue]
    return held[seq - (held[0]?.seq ?? 0)]?.link ?? null
  }
}

function sizeOf({ body }: { body: Uint8Array }): number {
  return body.length + OVERHEAD_BYTES
}
