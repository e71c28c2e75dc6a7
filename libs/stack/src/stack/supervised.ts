// A process that is started again when it ends without being told to: at once the first time, then ever more slowly.
import { setTimeout as delay } from 'node:timers/promises'

/** What is supervised: something that runs, and says when it has ended. */
export type Run = {
  readonly pid: number
  readonly ended: Promise<unknown>
  stop(): Promise<void>
  kill(): Promise<void>
}

const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 10_000
/** A run this long is no part of a series of crashes. */
const STEADY_MS = 30_000

export type SupervisedOptions<R extends Run> = {
  name: string
  start: () => Promise<R>
  /** Told of each crash and each failed start; never throws. */
  onCrash?: (name: string, error: unknown) => void
  /** The longest pause before a start. Default 10 s. */
  delayMsMax?: number | undefined
}

/** Keeps one process running until it is stopped. `kill` is a crash: the process comes back. */
export class Supervised<R extends Run = Run> {
  restarts = 0
  private run: R | null = null
  private isStopping = false
  private held: Promise<void> | null = null
  private isWaiting = false
  private delayMs = FIRST_DELAY_MS
  private watching: Promise<void> = Promise.resolve()
  private readonly stopped = new AbortController()

  constructor(private readonly options: SupervisedOptions<R>) {}

  /** The current process, or null while it is being started again. */
  get current(): R | null {
    return this.run
  }

  /** Starts it for the first time; a failure of that is thrown, not retried. */
  async start(): Promise<R> {
    const run = await this.options.start()
    this.run = run
    this.watching = this.watch(run)
    return run
  }

  /** kill -9. Resolves when the process is gone; supervision starts it again. */
  async kill(): Promise<void> {
    await this.run?.kill()
  }

  /** Ends it in order, does `work` while it is down, and lets it start again. One such work at a time. */
  async whileStopped<T>(work: () => Promise<T>): Promise<T> {
    if (this.held) throw new Error(`${this.options.name} is stopped for another work already`)
    const { promise, resolve } = Promise.withResolvers<void>()
    this.held = promise
    try {
      // A start that is under way has a process in a moment.
      while (!this.run && !this.isWaiting) await delay(20)
      await this.run?.stop()
      return await work()
    } finally {
      this.held = null
      resolve()
    }
  }

  /** Ends it in order and leaves it so. Safe to call at any time, and twice. */
  async stop(): Promise<void> {
    this.isStopping = true
    this.stopped.abort()
    await this.run?.stop()
    await this.watching
    // A start that was under way when stop came has a process by now.
    await this.run?.stop()
  }

  private async watch(first: R): Promise<void> {
    let run: R | null = first
    while (run) {
      const startedAt = performance.now()
      await run.ended
      if (this.isStopping) return
      this.run = null
      if (performance.now() - startedAt > STEADY_MS) this.delayMs = FIRST_DELAY_MS
      this.options.onCrash?.(this.options.name, new Error(`${this.options.name} ended`))
      run = await this.startAgain()
    }
  }

  private async startAgain(): Promise<R | null> {
    while (!this.isStopping) {
      await this.pause()
      if (this.isStopping) return null
      try {
        const run = await this.options.start()
        this.run = run
        this.restarts += 1
        return run
      } catch (error) {
        this.options.onCrash?.(this.options.name, error)
      }
    }
    return null
  }

  // Nothing runs during this, so that whoever holds the process down may begin at once.
  private async pause(): Promise<void> {
    this.isWaiting = true
    await delay(this.delayMs, undefined, { signal: this.stopped.signal }).catch(() => {})
    while (this.held && !this.isStopping) await this.held
    this.isWaiting = false
    this.delayMs = Math.min(this.delayMs * 2, this.options.delayMsMax ?? LONGEST_DELAY_MS)
  }
}
