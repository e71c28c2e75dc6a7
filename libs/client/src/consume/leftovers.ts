// What a former process took and never settled. The broker delivers it again only when it has waited for an acknowledgement
// long enough, and newer messages at once. Where the order of arrival alone says what comes next, all of it waits for that.
import type { Arrival, Lane } from './lane.js'
import { pause } from './pause.js'

export type LeftoversOptions = {
  /** The last message of the stream that a former process was given. */
  upTo: number
  /** How many messages the broker has given out and has not had acknowledged, to whomever. */
  outstanding: () => Promise<number>
  ackWaitMs: number
  stopping: AbortSignal
}

type Kept = { lane: Lane; arrival: Arrival; streamSeq: number }

const LOOK_MS = 250
const MARGIN_MS = 5000

export class Leftovers {
  private kept: Kept[] | null = []

  constructor(private readonly options: LeftoversOptions) {}

  /** Hands it to its lane: at once, or when everything that a former process left is here. */
  offer(offered: Kept): void {
    if (this.kept === null) offered.lane.offer(offered.arrival)
    else this.kept.push(offered)
  }

  /** Resolves when nothing is kept back any more. A second process of this consumer never gives back: we end by time then. */
  async gather(): Promise<void> {
    const { ackWaitMs, stopping } = this.options
    const giveUpAt = performance.now() + 2 * ackWaitMs + MARGIN_MS
    while (!(await this.isComplete()) && !stopping.aborted && performance.now() < giveUpAt) {
      await pause(LOOK_MS, stopping)
    }
    this.release()
  }

  // The new ones that are here already were outstanding when the broker counted; what remains of its count may be old.
  private async isComplete(): Promise<boolean> {
    const fresh = this.count(false)
    const outstanding = await this.options.outstanding().catch(() => Number.POSITIVE_INFINITY)
    return this.count(true) >= outstanding - fresh
  }

  private count(isOld: boolean): number {
    return (this.kept ?? []).filter(({ streamSeq }) => streamSeq <= this.options.upTo === isOld).length
  }

  private release(): void {
    const kept = (this.kept ?? []).toSorted((a, b) => placeOf(a) - placeOf(b))
    this.kept = null
    for (const { lane, arrival } of kept) lane.offer(arrival)
  }
}

// Unreadable ones first: what they were is then fetched from before the first that can be read.
function placeOf({ arrival }: Kept): number {
  return arrival.candidate?.seq ?? 0
}
