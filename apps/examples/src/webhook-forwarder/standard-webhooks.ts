// Signatures of Standard Webhooks (github.com/standard-webhooks/standard-webhooks, spec 1.0.0), symmetric form.
import { createHmac } from 'node:crypto'

export type WebhookMessage = {
  /** The same for every attempt, so that the receiver can tell a repetition. */
  id: string
  /** Seconds since 1970 of this attempt. */
  timestamp: number
  payload: string
}

/**
 * The three headers of a message, signed under every secret: while a secret is exchanged, receivers that know the old
 * one and receivers that know the new one both accept it.
 *
 * Throws RangeError for a secret that is none: `whsec_` and 24 to 64 bytes in base64.
 */
export function webhookHeaders(secrets: readonly string[], message: WebhookMessage): Record<string, string> {
  const { id, timestamp, payload } = message
  const signatures = secrets.map((secret) => {
    const digest = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${payload}`).digest('base64')
    return `v1,${digest}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}

function keyOf(secret: string): Buffer {
  const [, base64 = ''] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret) ?? []
  const key = Buffer.from(base64, 'base64')
  if (key.length >= 24 && key.length <= 64) return key
  throw new RangeError('a webhook secret is whsec_ and 24 to 64 bytes in base64: openssl rand -base64 32')
}
