// The live feed: each client is told every block once and in order, and the newest checkpoint once it has heard all blocks
// that it covers. Nothing is kept for a client but its place, so a slow one costs nothing; one that stands still is cut off
// and goes on from its place when it comes back.
import { HttpProblem } from '@careseal/service-kit'
import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common'
import { LRUCache } from 'lru-cache'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { ledgerMetrics } from '../ledger-metrics.js'
import { LedgerReader } from '../reading/ledger-reader.js'
import { formatEvent, parsePlace, type FeedPlace } from './feed-place.js'
import { LedgerTip, type Tip } from './ledger-tip.js'

export type FeedOptions = { clientsMax: number; lookMs: number; heartbeatMs: number; stalledMs: number }

export type FeedClient = {
  address: string
  place: FeedPlace
  /** Ends the stream after so many events. */
  count: number
  /** Breaks the connection. */
  cut: () => void
  /** Given once the connection is closed. */
  gone: AbortSignal
}

type Block = Awaited<ReturnType<LedgerReader['block']>>
type Seat = { address: string; cut: () => void }

const PAGE = 50
const BLOCKS_KEPT = 512
/** No address may take more than this part of the seats. */
const ADDRESS_SHARE = 4
const FAREWELL_MS = 1_000

@Injectable()
export class LedgerFeed implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Feed')
  private readonly stopping = new AbortController()
  private readonly seats = new Set<Seat>()
  private readonly recent = new LRUCache<number, Block>({ max: BLOCKS_KEPT })
  private readonly tip: LedgerTip

  constructor(
    private readonly reader: LedgerReader,
    private readonly options: FeedOptions,
  ) {
    // That the ledger does not show it now was told when that began; this is asked again and again.
    const onTrouble = (error: unknown) =>
      error instanceof HttpProblem || this.logger.warn({ err: error }, 'the tip was not looked up')
    this.tip = new LedgerTip({ look: () => reader.tip(), intervalMs: options.lookMs, onTrouble })
  }

  /** Where a client goes on: at the id that it heard last, at a height, or from now on. Throws what it may not ask. */
  async placeFor(lastEventId: string | undefined, from: number | undefined): Promise<FeedPlace> {
    const { height } = await this.tip.now()
    const place = lastEventId === undefined ? { height: (from ?? height + 1) - 1, size: 0 } : parsePlace(lastEventId)
    if (!place) throw new HttpProblem(400, 'no-event-id', 'Last-Event-ID is none that this feed gave.')
    if (place.height <= height) return place
    const detail = `Block ${place.height} is not here; the newest is block ${height}.`
    throw new HttpProblem(409, 'feed-behind', detail)
  }

  /** The stream of a client, who holds a seat until it ends. Throws 503 `feed-full` when there is none. */
  open({ address, place, count, cut, gone }: FeedClient): Readable {
    const seat = this.take({ address, cut })
    const signal = AbortSignal.any([this.stopping.signal, gone])
    const stream = Readable.from(this.paced(first(count, this.pieces(place, signal)), cut), { highWaterMark: 1 })
    stream.once('close', () => {
      this.seats.delete(seat)
      ledgerMetrics.feedClients.set(this.seats.size)
    })
    return stream
  }

  /** Ends all streams; who stands still is cut off. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort()
    for (let waited = 0; this.seats.size > 0 && waited < FAREWELL_MS; waited += 20) await delay(20)
    for (const { cut } of this.seats) cut()
  }

  private take(seat: Seat): Seat {
    const { clientsMax } = this.options
    const ofAddress = [...this.seats].filter(({ address }) => address === seat.address).length
    const isFull = this.seats.size >= clientsMax || ofAddress >= Math.max(1, clientsMax / ADDRESS_SHARE)
    if (isFull || this.stopping.signal.aborted) {
      const detail = 'As many listen as may; read /ledger/blocks, or try again.'
      throw new HttpProblem(503, 'feed-full', detail, { headers: { 'retry-after': '5' } })
    }
    this.seats.add(seat)
    ledgerMetrics.feedClients.set(this.seats.size)
    return seat
  }

  private async *pieces(start: FeedPlace, signal: AbortSignal): AsyncGenerator<string> {
    const place = { ...start }
    const stopListening = this.tip.listen()
    try {
      yield 'retry: 1000\n\n'
      let tip: Tip | null = await this.tip.now()
      while (tip) {
        yield* this.until(tip, place, signal)
        tip = yield* this.newsAfter(tip, signal)
      }
    } catch (error) {
      // The client comes back to its place.
      this.logger.warn({ err: error }, 'a stream ended early')
    } finally {
      stopListening()
    }
  }

  /** Signs of life until there is another tip; null once the signal is given. */
  private async *newsAfter(tip: Tip, signal: AbortSignal): AsyncGenerator<string, Tip | null> {
    while (!signal.aborted) {
      const next = await this.tip.after(tip, { ms: this.options.heartbeatMs, signal })
      if (next) return next
      if (!signal.aborted) yield ': nothing new\n\n'
    }
    return null
  }

  /** What is between a place and the tip; moves the place. */
  private async *until(tip: Tip, place: FeedPlace, signal: AbortSignal): AsyncGenerator<string> {
    while (place.height < tip.height) {
      if (signal.aborted) return
      for (const block of await this.blocks(place.height + 1, tip)) {
        place.height = block.height
        yield formatEvent('block', block, place)
      }
    }
    if (tip.size <= place.size) return
    place.size = tip.size
    yield formatEvent('checkpoint', { size: tip.size, root: tip.root, note: tip.note }, place)
  }

  private async blocks(from: number, tip: Tip): Promise<Block[]> {
    const count = Math.min(PAGE, tip.height - from + 1)
    const known = Array.from({ length: count }, (_, i) => this.recent.get(from + i))
    if (known.every((block) => block !== undefined)) return known
    const { blocks } = await this.reader.blocks(from, count)
    if (blocks.length === 0) throw new Error(`block ${from} is gone`)
    for (const block of blocks) this.recent.set(block.height, block)
    return blocks
  }

  // The stream asks for the next piece only when the connection has room for it: whoever takes none in time is cut off.
  private async *paced(pieces: AsyncGenerator<string>, cut: () => void): AsyncGenerator<string> {
    for await (const piece of pieces) {
      const stalled = setTimeout(cut, this.options.stalledMs)
      try {
        yield piece
      } finally {
        clearTimeout(stalled)
      }
    }
  }
}

/** Pieces of a stream up to the end of its event number `count`. */
async function* first(count: number, pieces: AsyncGenerator<string>): AsyncGenerator<string> {
  let left = count
  for await (const piece of pieces) {
    yield piece
    if (piece.startsWith('event: ') && --left === 0) return
  }
}
