// The newest block and checkpoint, looked up by one for all who listen, and only while somebody does.
import { setTimeout as delay } from 'node:timers/promises'

/** Height of the last committed block, and what is published. */
export type Tip = { height: number; size: number; root: string; note: string }

export type LedgerTipOptions = {
  look: () => Promise<Tip>
  intervalMs: number
  /** Looking failed for a passing reason; it goes on. */
  onTrouble: (error: unknown) => void
}

export class LedgerTip {
  private newest: Tip | null = null
  private listeners = 0
  private running = false
  private news = Promise.withResolvers<void>()

  constructor(private readonly options: LedgerTipOptions) {}

  /** What is newest now. Rejects when it cannot be looked up. */
  async now(): Promise<Tip> {
    this.take(await this.options.look())
    return this.newest as Tip
  }

  /** Has the tip looked up again and again until the returned function is called. */
  listen(): () => void {
    this.listeners += 1
    if (!this.running) void this.run()
    let isListening = true
    return () => {
      if (isListening) this.listeners -= 1
      isListening = false
    }
  }

  /** The newest tip as soon as it is another one than `known`; null when `ms` are over or the signal is given. */
  async after(known: Tip, { ms, signal }: { ms: number; signal: AbortSignal }): Promise<Tip | null> {
    if (this.newest !== known) return this.newest
    const waiting = new AbortController()
    const either = AbortSignal.any([waiting.signal, signal])
    await Promise.race([this.news.promise, delay(ms, undefined, { signal: either }).catch(() => {})])
    waiting.abort()
    return this.newest === known || signal.aborted ? null : this.newest
  }

  private async run(): Promise<void> {
    this.running = true
    while (this.listeners > 0) {
      try {
        this.take(await this.options.look())
      } catch (error) {
        this.options.onTrouble(error)
      }
      await delay(this.options.intervalMs)
    }
    this.running = false
  }

  // The same tip stays the same object, so that whoever waits can tell whether it is another one.
  private take(tip: Tip): void {
    const { newest } = this
    if (newest && newest.height === tip.height && newest.note === tip.note) return
    this.newest = tip
    this.news.resolve()
    this.news = Promise.withResolvers()
  }
}
