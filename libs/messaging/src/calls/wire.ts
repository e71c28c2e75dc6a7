// The trace context that requests carry; the other headers are in contracts, for outside consumers ask as well.
import { context, propagation } from '@opentelemetry/api'

export const TRACE_HEADER = 'traceparent'

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/

/** The W3C trace context of the code that runs now, if it is traced. */
export function activeTraceparent(): string | undefined {
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  return traceparentOrNone(carrier[TRACE_HEADER])
}

/** The value if it has the form of a trace context: it comes from outside and goes into logs. */
export function traceparentOrNone(value: string | undefined): string | undefined {
  return value !== undefined && TRACEPARENT.test(value) ? value : undefined
}
