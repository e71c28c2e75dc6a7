// The events of one producer, in its order, each settled before the next. What the stream lacks, repeats or alters is
// fetched from the producer; only its hash chain decides what comes next.
import { eventOf, nextLinkOf, type Candidate, type LedgerEvent, type ProducerPosition } from '@careseal/event-envelope'
import { NumberUnreadable, ProducerContradicts } from '../failures.js'
import { Unsettled } from './handling.js'
import { pause } from './pause.js'
import type { ChainPlace, ReplayPage } from './replay.js'

/** A message of the stream. `candidate` is null where it cannot be read: then it counts as missing. */
export type Arrival = {
  candidate: Candidate | null
  /** The number that it says it has, whatever else of it can be read. */
  claimedSeq: number | null
  acknowledge: () => void
  giveBack: () => void
}

export type LaneOptions = {
  producer: string
  /** Null: begins with what comes first. A link of '' is not known and is taken from the first answer. */
  position: ProducerPosition | null
  /** Null: gaps are taken as they are. */
  replay: ((from: number) => Promise<ReplayPage>) | null
  settle: (event: LedgerEvent) => Promise<void>
  onProgress: () => void
  onTrouble: (error: unknown) => void
  /** How often the producer is asked for what the stream did not bring. */
  checkIntervalMs: number
  stopping: AbortSignal
}

const FIRST_CHECK_MS = 500
const RETRY_MS_MAX = 5000
// Settled messages that may still lie before those that wait.
const SETTLED_MAX = 512

export class Lane {
  private waiting: Arrival[] = []
  private next = 0
  /** Came unreadable before anything told where this producer stands. */
  private unplaced: Arrival[] = []
  /** Ends the wait for more, if there is one. */
  private wake = () => {}
  private place: ProducerPosition | null
  private frozen: ProducerContradicts | null = null
  private failures = 0

  constructor(private readonly options: LaneOptions) {
    this.place = options.position
    options.stopping.addEventListener('abort', () => this.wake())
  }

  get position(): ProducerPosition | null {
    return this.place === null ? null : { ...this.place }
  }

  /** Why this producer is read no further, or null. */
  get contradiction(): string | null {
    return this.frozen?.message ?? null
  }

  offer(arrival: Arrival): void {
    if (this.options.stopping.aborted) return arrival.giveBack()
    this.waiting.push(arrival)
    this.wake()
  }

  /** Resolves when the consumer stops; what waits then goes back to the broker. */
  async run(): Promise<void> {
    let checkMs = Math.min(FIRST_CHECK_MS, this.options.checkIntervalMs)
    while (!this.options.stopping.aborted) {
      try {
        await this.takeAll()
        if (await this.isQuiet(checkMs)) await this.fetchRest()
        checkMs = this.options.checkIntervalMs
        this.failures = 0
      } catch (error) {
        await this.suffer(error)
      }
    }
    for (const arrival of [...this.unplaced, ...this.waiting.slice(this.next)]) arrival.giveBack()
  }

  private async takeAll(): Promise<void> {
    while (this.next < this.waiting.length && !this.options.stopping.aborted) {
      await this.take(this.waiting[this.next] as Arrival)
      this.next++
      if (this.next >= SETTLED_MAX) this.forgetSettled()
    }
    this.forgetSettled()
  }

  // One by one from the front would move all that wait, each time.
  private forgetSettled(): void {
    this.waiting = this.waiting.slice(this.next)
    this.next = 0
  }

  private async take(arrival: Arrival): Promise<void> {
    if (arrival.candidate === null && this.place === null && this.options.replay !== null) {
      this.unplaced.push(arrival)
      return
    }
    if (this.unplaced.length > 0) this.beginBeforeUnplaced(arrival)
    await this.settle(arrival)
    for (const { acknowledge } of this.unplaced.splice(0)) acknowledge()
  }

  // They stood somewhere before the first that can be read: what they were is fetched with what lies between. Events that
  // were not granted may lie between as well, so that what they say of themselves is the best that there is.
  private beginBeforeUnplaced({ candidate }: Arrival): void {
    if (this.place !== null || candidate === null) return
    const claims = this.unplaced.map(({ claimedSeq }) => claimedSeq ?? candidate.seq)
    if (this.unplaced.some(({ claimedSeq }) => claimedSeq === null)) {
      this.options.onTrouble(new NumberUnreadable(this.options.producer, candidate.seq))
    }
    const first = Math.min(candidate.seq - this.unplaced.length, ...claims)
    this.place = { seq: Math.max(0, first - 1), link: '' }
  }

  private async settle({ candidate, acknowledge }: Arrival): Promise<void> {
    // Left with the broker they would use up what it lets out, and nobody else's events would come. Whoever mends the
    // producer goes on from the position, which does not move.
    if (this.frozen !== null) return acknowledge()
    const target = candidate?.seq ?? (this.place?.seq ?? 0) + 1
    if (candidate !== null && this.continues(candidate)) {
      const event = eventOf(candidate)
      if (this.fits(event)) await this.settleNext(event)
      else await this.fetchUpTo(target)
    } else if (this.place === null || target > this.place.seq) {
      await this.fetchUpTo(target)
    }
    if (this.options.stopping.aborted && target > (this.place?.seq ?? 0)) throw new Unsettled()
    // What is still beyond our position now, its producer does not know: it was never an event.
    acknowledge()
  }

  // Where nothing can be replayed, a gap is taken as it is.
  private continues({ seq }: Candidate): boolean {
    if (this.place === null) return true
    return this.options.replay === null ? seq > this.place.seq : seq === this.place.seq + 1
  }

  private fits({ leafHash, link }: { leafHash: string; link: string }): boolean {
    if (this.place === null || this.place.link === '' || this.options.replay === null) return true
    return nextLinkOf(this.place.link, leafHash) === link
  }

  private async settleNext(event: LedgerEvent): Promise<void> {
    await this.options.settle(event)
    this.moveTo(event)
  }

  private moveTo({ seq, link }: ProducerPosition): void {
    this.place = { seq, link }
    this.options.onProgress()
  }

  private fetchRest(): Promise<void> {
    return this.place === null ? Promise.resolve() : this.fetchUpTo(Number.POSITIVE_INFINITY)
  }

  // The page after the one at hand is asked for while that is worked on.
  private async fetchUpTo(seq: number): Promise<void> {
    const { replay } = this.options
    if (replay === null || this.frozen !== null) return
    this.place ??= { seq: 0, link: '' }
    let ahead: Promise<ReplayPage> | null = replay(this.place.seq + 1)
    while (ahead !== null && this.place.seq < seq && !this.options.stopping.aborted) {
      const { places, hasMore }: ReplayPage = await ahead
      ahead = hasMore ? replay((places.at(-1)?.seq ?? 0) + 1) : null
      ahead?.catch(() => undefined)
      for (const place of places) await this.takeReplayed(place)
    }
  }

  private async takeReplayed(place: ChainPlace): Promise<void> {
    if (this.options.stopping.aborted) return
    if (!this.fits(place)) {
      throw new ProducerContradicts(this.options.producer, `its answer at ${place.seq} does not continue its chain`)
    }
    if (place.event === null) this.moveTo(place)
    else await this.settleNext(place.event)
  }

  /** True when nothing came for that long. */
  private async isQuiet(milliseconds: number): Promise<boolean> {
    if (this.next < this.waiting.length || this.options.stopping.aborted) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.wake = () => resolve(false)
    const timer = setTimeout(() => resolve(true), milliseconds)
    const isQuiet = await promise
    clearTimeout(timer)
    return isQuiet && !this.options.stopping.aborted
  }

  private async suffer(error: unknown): Promise<void> {
    if (this.options.stopping.aborted) return
    if (error instanceof ProducerContradicts) this.frozen = error
    this.options.onTrouble(error)
    const delayMs = Math.min(RETRY_MS_MAX, 100 * 2 ** Math.min(this.failures++, 10))
    await pause(this.frozen === null ? delayMs : this.options.checkIntervalMs, this.options.stopping)
  }
}
