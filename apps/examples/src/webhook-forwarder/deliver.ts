import { DeadLetter, type EventBody, type EventContext } from '@careseal/client'
import { webhookHeaders } from './standard-webhooks.js'

export type Webhook = {
  url: string
  /** Secrets that receivers may know, the newest first. */
  secrets: readonly string[]
}

/** The receiver refused or did not answer. The code becomes the reason of the dead letter, if it comes to that. */
export class WebhookFailed extends Error {
  override readonly name = 'WebhookFailed'

  constructor(
    readonly code: string,
    options?: ErrorOptions,
  ) {
    super(`the receiver of the webhook: ${code}`, options)
  }
}

/**
 * Sends an event once. Resolves when the receiver answers with 2xx.
 *
 * Rejects with DeadLetter for 410 Gone, which no repetition mends, and with WebhookFailed for everything else.
 */
export async function deliver(
  { url, secrets }: Webhook,
  event: EventBody,
  { producer, seq, signal }: EventContext,
): Promise<void> {
  const { type, time, data } = event
  // The receiver needs the place where two events are about the same thing.
  const payload = JSON.stringify({ type, timestamp: time, data, ledger: { producer, seq } })
  const signed = webhookHeaders(secrets, { id: event.id, timestamp: Math.floor(Date.now() / 1000), payload })
  const headers = { 'content-type': 'application/json', ...signed }
  // A redirect would take the event to a place that nobody entered here.
  const request = fetch(url, { method: 'POST', body: payload, headers, signal, redirect: 'manual' })
  const response = await request.catch((cause: unknown) => {
    throw new WebhookFailed('no-answer', { cause })
  })
  await response.body?.cancel()
  if (response.status === 410) throw new DeadLetter('webhook-gone')
  if (!response.ok) throw new WebhookFailed(`http-${response.status}`)
}
