// A circuit breaker per dependency and class of operation. Open means fail closed: there is no fallback anywhere, for a
// guessed consent decision would be worse than none.
import CircuitBreaker from 'opossum'
import { BreakerOpen, CommandRejected, DeadlineExceeded } from '../errors.js'

export type BreakerState = 'closed' | 'half-open' | 'open'

export type GuardOptions = {
  /** Each call is aborted and rejected with DeadlineExceeded after this time. */
  timeoutMs: number
  /** Calls in the window before the breaker may open; default 5. */
  volumeThreshold?: number
  /** Share of failures in a window of ten seconds at which it opens; default 50. */
  errorThresholdPercentage?: number
  /** Time until one call is let through again; default 2000. */
  resetMs?: number
  /** Errors that say the other side works: they reject, but do not count. Default: CommandRejected. */
  isRejection?: (error: unknown) => boolean
}

export type CallOptions = {
  /** The caller's own reason to stop. It rejects the call with the signal's reason and counts as no failure. */
  signal?: AbortSignal | undefined
  /** Shortens the time of this call. */
  deadlineMs?: number | undefined
}

export type Guarded<A extends unknown[], R> = {
  /** Rejects with BreakerOpen when the breaker is open, DeadlineExceeded after the time, else with what `fn` threw. */
  call(...args: A): Promise<R>
  callWith(options: CallOptions, ...args: A): Promise<R>
  state(): BreakerState
  shutdown(): void
}

type Listener = (name: string, state: BreakerState) => void

const states = new Map<string, BreakerState>()
const listeners = new Set<Listener>()

/**
 * Puts a circuit breaker around an asynchronous call. One per dependency and class of operation.
 *
 * `fn` gets an AbortSignal first, which fires at the deadline; a call that ignores it is rejected all the same.
 */
export function guard<A extends unknown[], R>(
  name: string,
  fn: (signal: AbortSignal, ...args: A) => Promise<R>,
  options: GuardOptions,
): Guarded<A, R> {
  const breaker = new CircuitBreaker(
    (call: CallOptions, args: A) => withDeadline(name, (signal) => fn(signal, ...args), bounded(call, options)),
    breakerOptions(name, options),
  )
  publishStates(name, breaker)
  const callWith = (call: CallOptions, ...args: A) => breaker.fire(call, args).catch((error) => rethrow(name, error))
  return {
    call: (...args) => callWith({}, ...args),
    callWith,
    state: () => stateOf(breaker),
    shutdown: () => breaker.shutdown(),
  }
}

/** Hears the state of every breaker of this process, present and future; for metrics. Returns how to stop. */
export function onBreakerState(listener: Listener): () => void {
  for (const [name, state] of states) listener(name, state)
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function breakerOptions(name: string, options: GuardOptions): CircuitBreaker.Options {
  const isRejection = options.isRejection ?? ((error) => error instanceof CommandRejected)
  return {
    name,
    // opossum's own timeout rejects, but lets the work run on.
    timeout: false,
    // Without a threshold the first failure after a quiet time opens it.
    volumeThreshold: options.volumeThreshold ?? 5,
    errorThresholdPercentage: options.errorThresholdPercentage ?? 50,
    resetTimeout: options.resetMs ?? 2000,
    errorFilter: (error: unknown) => error instanceof AbortedByCaller || isRejection(error),
  }
}

type Deadline = { timeoutMs: number; signal: AbortSignal | undefined }

function bounded(call: CallOptions, options: GuardOptions): Deadline {
  return { timeoutMs: Math.min(call.deadlineMs ?? options.timeoutMs, options.timeoutMs), signal: call.signal }
}

class AbortedByCaller extends Error {}

async function withDeadline<R>(
  name: string,
  work: (signal: AbortSignal) => Promise<R>,
  deadline: Deadline,
): Promise<R> {
  const controller = new AbortController()
  const expired = Promise.withResolvers<never>()
  const end = (error: Error) => {
    expired.reject(error)
    controller.abort(error)
  }
  const timer = setTimeout(() => end(new DeadlineExceeded(name, deadline.timeoutMs)), deadline.timeoutMs)
  const aborted = () => end(new AbortedByCaller('aborted', { cause: deadline.signal?.reason }))
  deadline.signal?.addEventListener('abort', aborted, { once: true })
  try {
    if (deadline.signal?.aborted) throw new AbortedByCaller('aborted', { cause: deadline.signal.reason })
    return await Promise.race([expired.promise, work(controller.signal)])
  } finally {
    clearTimeout(timer)
    deadline.signal?.removeEventListener('abort', aborted)
  }
}

function rethrow(name: string, error: unknown): never {
  if (error instanceof AbortedByCaller) throw error.cause
  if (CircuitBreaker.isOurError(error as Error)) throw new BreakerOpen(name)
  throw error
}

function stateOf(breaker: CircuitBreaker): BreakerState {
  if (breaker.halfOpen) return 'half-open'
  return breaker.opened ? 'open' : 'closed'
}

function publishStates(name: string, breaker: CircuitBreaker): void {
  const publish = (state: BreakerState) => {
    states.set(name, state)
    for (const listener of listeners) listener(name, state)
  }
  breaker.on('open', () => publish('open'))
  breaker.on('halfOpen', () => publish('half-open'))
  breaker.on('close', () => publish('closed'))
  publish('closed')
}
