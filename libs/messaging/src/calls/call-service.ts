export type CallInit = RequestInit & { deadlineMs: number; traceparent?: string }

/**
 * `fetch` through the circuit breaker `name` (dependency and class of operation, such as `ledger.proof`).
 *
 * A 4xx is an answer and comes back as a Response. A 5xx rejects with RemoteFailure, carrying status and Retry-After.
 * The deadline covers reading the body as well.
 */
export async function callService(_name: string, _url: string | URL, _init: CallInit): Promise<Response> {
  throw new Error('not written yet')
}
