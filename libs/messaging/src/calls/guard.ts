export type BreakerState = 'closed' | 'half-open' | 'open'

export type GuardOptions = {
  /** Each call is aborted and rejected with DeadlineExceeded after this time. */
  timeoutMs: number
  /** Calls in the window before the breaker may open; default 5. */
  volumeThreshold?: number
  /** Default 50. */
  errorThresholdPercentage?: number
  /** Time until one call is let through again; default 5000. */
  resetMs?: number
  /** Errors that say the other side works: they reject, but do not count. Default: CommandRejected and aborts by the caller. */
  isRejection?: (error: unknown) => boolean
}

export type Guarded<A extends unknown[], R> = {
  /** Rejects with BreakerOpen when the breaker is open, DeadlineExceeded after the time, else with what `fn` threw. */
  call(...args: A): Promise<R>
  state(): BreakerState
  shutdown(): void
}

/**
 * Puts a circuit breaker around an asynchronous call. One per dependency and class of operation.
 *
 * `fn` gets an AbortSignal first, which fires at the deadline; a call that ignores it is rejected all the same.
 */
export function guard<A extends unknown[], R>(
  _name: string,
  _fn: (signal: AbortSignal, ...args: A) => Promise<R>,
  _options: GuardOptions,
): Guarded<A, R> {
  throw new Error('not written yet')
}

/** Hears the state of every breaker of this process, present and future; for metrics. Returns how to stop. */
export function onBreakerState(_listener: (name: string, state: BreakerState) => void): () => void {
  throw new Error('not written yet')
}
