// When to make checkpoints: soon after a block, at most every so often, and now and then without one, so that a reader
// can demand a fresh signature.
import { setTimeout as delay } from 'node:timers/promises'

export type CheckpointLoopOptions = {
  /** Resolves to false when something is left over for the next round. */
  round: () => Promise<boolean>
  intervalMs: number
  idleMs: number
  /** A round failed for a passing reason; the loop goes on. */
  onTrouble: (error: unknown) => void
}

export class CheckpointLoop {
  private due = true
  private hasFailed = false
  private readonly stopping = new AbortController()
  private pausing = new AbortController()
  private interrupt: () => void = () => {}
  private running: Promise<void> = Promise.resolve()

  constructor(private readonly options: CheckpointLoopOptions) {}

  start(): void {
    this.running = this.run()
  }

  /** A block was committed. */
  wake(): void {
    this.due = true
    this.interrupt()
  }

  /** Much was committed since the last round: the next one begins at once, unless the last one failed. */
  hurry(): void {
    if (!this.hasFailed) this.pausing.abort()
  }

  /** One last round over what was committed since, then no more. */
  async stop(): Promise<void> {
    this.stopping.abort()
    this.interrupt()
    await this.running
  }

  private async run(): Promise<void> {
    const { intervalMs, idleMs } = this.options
    while (!this.stopping.signal.aborted) {
      await this.round()
      await this.pause(intervalMs)
      if (!this.due && !this.stopping.signal.aborted) await this.idle(idleMs)
    }
    if (this.due) await this.round()
  }

  private async pause(milliseconds: number): Promise<void> {
    this.pausing = new AbortController()
    const signal = AbortSignal.any([this.stopping.signal, this.pausing.signal])
    await delay(milliseconds, undefined, { signal }).catch(() => {})
  }

  private async round(): Promise<void> {
    this.due = false
    try {
      if (!(await this.options.round())) this.due = true
      this.hasFailed = false
    } catch (error) {
      this.due = true
      this.hasFailed = true
      this.options.onTrouble(error)
    }
  }

  private async idle(idleMs: number): Promise<void> {
    const woken = new AbortController()
    this.interrupt = () => woken.abort()
    await delay(idleMs, undefined, { signal: woken.signal }).catch(() => {})
    this.interrupt = () => {}
  }
}
