// The webhook as the environment names it, tried before the first event: with a wrong one every event would become a dead
// letter. Errors name the variable and never its value, which may hold a secret.
import type { Webhook } from './deliver.js'
import { webhookHeaders } from './standard-webhooks.js'

/** Throws where WEBHOOK_URL is no address of HTTP, or one of WEBHOOK_SECRETS cannot sign. */
export function webhookFrom(given: { url: string; secrets: string }): Webhook {
  const url = given.url.trim()
  if (!isHttp(url)) throw new Error('WEBHOOK_URL: set it to an address such as https://receiver.example/hooks')
  const secrets = given.secrets.split(/\s+/).filter((secret) => secret !== '')
  if (secrets.length === 0) throw new Error('WEBHOOK_SECRETS: set it to one secret at least, whsec_…')
  for (const [index, secret] of secrets.entries()) trial(secret, index + 1)
  return { url, secrets }
}

// `fetch` refuses a name and password in an address.
function isHttp(url: string): boolean {
  const parsed = URL.parse(url)
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === ''
}

function trial(secret: string, place: number): void {
  try {
    webhookHeaders([secret], { id: 'trial', timestamp: 0, payload: '' })
  } catch (error) {
    throw new Error(`WEBHOOK_SECRETS, number ${place}: ${(error as Error).message}`, { cause: error })
  }
}
