// Counts requests per key in fixed windows: one step per request, however many came before. (The throttler's own store
// keeps every request of the last minute and walks over all of them each time.)
import type { ThrottlerStorage } from '@nestjs/throttler'

type Window = { count: number; endsAt: number }
type Use = Awaited<ReturnType<ThrottlerStorage['increment']>>

const KEYS_MAX = 100_000

/** Counts of this process; replicas count for themselves, so a limit is per replica. Times in seconds come back. */
export class RequestCounter implements ThrottlerStorage {
  private readonly windows = new Map<string, Window>()

  constructor(private readonly now: () => number = Date.now) {}

  async increment(key: string, windowMs: number, limit: number): Promise<Use> {
    const now = this.now()
    const window = this.windowOf(key, now, windowMs)
    window.count++
    const secondsLeft = Math.ceil((window.endsAt - now) / 1000)
    const isBlocked = window.count > limit
    return {
      totalHits: window.count,
      timeToExpire: secondsLeft,
      isBlocked,
      timeToBlockExpire: isBlocked ? secondsLeft : 0,
    }
  }

  private windowOf(key: string, now: number, windowMs: number): Window {
    const known = this.windows.get(key)
    if (known && known.endsAt > now) return known
    // Deleted first, so that insertion order is the order in which windows began.
    this.windows.delete(key)
    this.makeRoom(now)
    const window = { count: 0, endsAt: now + windowMs }
    this.windows.set(key, window)
    return window
  }

  // Somebody with a million addresses must not fill the memory: the oldest windows go, the ended ones among them.
  private makeRoom(now: number): void {
    for (const [key, { endsAt }] of this.windows) {
      if (endsAt > now && this.windows.size < KEYS_MAX) return
      this.windows.delete(key)
    }
  }
}
