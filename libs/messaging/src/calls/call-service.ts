import { MessagingError, RemoteFailure, Unreachable } from '../errors.js'
import { guard, type Guarded } from './guard.js'
import { activeTraceparent, TRACE_HEADER } from './wire.js'

export type CallInit = RequestInit & {
  /** How long the caller waits, at most a minute; covers reading the body as well. */
  deadlineMs: number
  /** W3C trace context; default the active one of OpenTelemetry. */
  traceparent?: string
}

const DEADLINE_MS_MAX = 60_000
const breakers = new Map<string, Guarded<[string, string | URL, CallInit], Response>>()

/**
 * `fetch` through the circuit breaker `name` (dependency and class of operation, such as `ledger.proof`).
 *
 * A 4xx is an answer and comes back as a Response. A 5xx rejects with RemoteFailure, carrying status and Retry-After;
 * other rejections are Unreachable, DeadlineExceeded, BreakerOpen. The breaker counts outages alone (`isOutage`): else
 * one caller's requests, which the other side fails on, would shut it for everybody.
 */
export async function callService(name: string, url: string | URL, init: CallInit): Promise<Response> {
  const { deadlineMs, signal } = init
  return breakerOf(name).callWith({ deadlineMs, signal: signal ?? undefined }, name, url, init)
}

/** Whether a call failed because the other side is not there, not in time, or says so itself (502, 503, 504). */
export function isOutage(error: unknown): boolean {
  return !(error instanceof RemoteFailure) || [502, 503, 504].includes(error.status ?? 0)
}

function breakerOf(name: string): Guarded<[string, string | URL, CallInit], Response> {
  const known = breakers.get(name)
  if (known !== undefined) return known
  const breaker = guard(name, fetchOnce, { timeoutMs: DEADLINE_MS_MAX, isRejection: (error) => !isOutage(error) })
  breakers.set(name, breaker)
  return breaker
}

async function fetchOnce(signal: AbortSignal, name: string, url: string | URL, init: CallInit): Promise<Response> {
  const { deadlineMs, traceparent: _, ...rest } = init
  // The guard's own clock stops when the headers have come; the second one goes on for the body.
  const whole = AbortSignal.any([signal, AbortSignal.timeout(deadlineMs), ...(init.signal ? [init.signal] : [])])
  const response = await fetch(url, { redirect: 'error', ...rest, headers: headersOf(init), signal: whole }).catch(
    (error: unknown) => {
      throw signal.reason instanceof MessagingError ? signal.reason : new Unreachable(name, { cause: error })
    },
  )
  if (response.status < 500) return response
  await response.body?.cancel()
  throw new RemoteFailure(name, String(response.status), failureDetails(response))
}

function headersOf(init: CallInit): Headers {
  const headers = new Headers(init.headers)
  const traceparent = init.traceparent ?? activeTraceparent()
  if (traceparent !== undefined) headers.set(TRACE_HEADER, traceparent)
  return headers
}

function failureDetails(response: Response): { status: number; retryAfterSeconds?: number } {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return { status: response.status, ...(Number.isFinite(seconds) ? { retryAfterSeconds: seconds } : {}) }
}
