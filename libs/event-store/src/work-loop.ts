// A background loop that works while there is work, sleeps until it is woken or its poll interval is over, and starts
// again with a growing pause after a failure.

export type WorkLoopOptions = {
  /** One round; true means that there may be more to do at once. */
  work: (signal: AbortSignal) => Promise<boolean>
  pollMs: number
  /** The longest pause after a failure; default 5000. */
  retryMsMax?: number
  onError: (error: unknown) => void
}

const RETRY_MS_MIN = 100
const RETRY_MS_MAX = 5_000

/** Runs `work` until stopped. `wake` during a round makes another round follow at once. */
export class WorkLoop {
  private readonly stopping = new AbortController()
  private running: Promise<void> | undefined
  private woken = false
  private interrupt: () => void = () => {}

  constructor(private readonly options: WorkLoopOptions) {}

  start(): void {
    this.running ??= this.run()
  }

  wake(): void {
    this.woken = true
    this.interrupt()
  }

  /** Lets the current round finish. */
  async stop(): Promise<void> {
    this.stopping.abort()
    this.interrupt()
    await this.running
  }

  private async run(): Promise<void> {
    let retryMs = RETRY_MS_MIN
    while (!this.stopping.signal.aborted) {
      try {
        this.woken = false
        const more = await this.options.work(this.stopping.signal)
        retryMs = RETRY_MS_MIN
        if (!more && !this.woken) await this.pause(this.options.pollMs)
      } catch (error) {
        this.options.onError(error)
        await this.pause(retryMs)
        retryMs = Math.min(retryMs * 2, this.options.retryMsMax ?? RETRY_MS_MAX)
      }
    }
  }

  private async pause(milliseconds: number): Promise<void> {
    if (this.stopping.signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.interrupt = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.interrupt = () => {}
  }
}
