// One HTTP request, and what its answer says: yes, no, or nothing. Nothing is never taken for one of the others.
import { setTimeout as delay } from 'node:timers/promises'
import type { SeededRandom } from '@careseal/synthetic'
import type { Outcome } from './history.js'

export type Body = { [member: string]: unknown }
export type Answer = { status: number; headers: Headers; body: Body; text: string }

export type Asked = {
  /** A login of the world, or null for what is public. */
  login: string | null
  method: string
  path: string
  body?: object
  headers?: Record<string, string>
  /** Every status that says yes or no and may come; all others are unexpected. */
  allowed: readonly number[]
}

/** The last answer of an operation, or null without one. */
export type Exchange = { answer: Answer | null; outcome: Outcome; attempts: number; unexpected?: string }

export type RequestsOptions = {
  origin: string
  token: (login: string) => Promise<string>
  forgetToken: (login: string, token: string) => void
  random: SeededRandom
  /** Ends the repeating of what has no definite answer. */
  giveUp: AbortSignal
  onFlight: (change: 1 | -1) => void
}

const ATTEMPT_MS = 15_000
const PAUSE_MS = { low: 50, high: 400 }
/** These say that it did not work now, and nothing of whether it happened. 500 is no answer that a client may get. */
const NO_ANSWER = [401, 408, 429, 502, 503, 504]

export class Requests {
  constructor(private readonly options: RequestsOptions) {}

  get isGivingUp(): boolean {
    return this.options.giveUp.aborted
  }

  /** Asks once. */
  async once(asked: Asked): Promise<Exchange> {
    const answer = await this.attempt(asked)
    return { answer, attempts: 1, ...meaningOf(answer, asked.allowed) }
  }

  /** Asks until the answer is definite; the request must be one that may be repeated. */
  async untilDefinite(asked: Asked): Promise<Exchange> {
    let unexpected: string | undefined
    for (let attempts = 1; ; attempts++) {
      const exchange = await this.once(asked)
      unexpected ??= exchange.unexpected
      const told = { ...exchange, attempts, ...(unexpected === undefined ? {} : { unexpected }) }
      if (exchange.outcome !== 'unknown' || this.isGivingUp) return told
      await this.pause()
    }
  }

  /** A short while, so that a service that is away is not asked without end. */
  async pause(): Promise<void> {
    await delay(this.options.random.integer(PAUSE_MS.low, PAUSE_MS.high))
  }

  private async attempt(asked: Asked): Promise<Answer | null> {
    const { origin, token, forgetToken, onFlight } = this.options
    const bearer = asked.login === null ? null : await token(asked.login).catch(() => undefined)
    if (bearer === undefined) return null
    onFlight(1)
    try {
      const response = await fetch(origin + asked.path, {
        method: asked.method,
        headers: {
          ...asked.headers,
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...mediaOf(asked),
        },
        ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
        signal: AbortSignal.timeout(ATTEMPT_MS),
      })
      const text = await response.text()
      if (response.status === 401 && asked.login !== null) forgetToken(asked.login, bearer!)
      return { status: response.status, headers: response.headers, text, body: parsed(text) }
    } catch {
      return null
    } finally {
      onFlight(-1)
    }
  }
}

/** What an answer says, where only these statuses may say anything. */
export function meaningOf(
  answer: Answer | null,
  allowed: readonly number[],
): { outcome: Outcome; unexpected?: string } {
  if (answer === null || NO_ANSWER.includes(answer.status)) return { outcome: 'unknown' }
  const { status } = answer
  const outcome: Outcome = status >= 500 ? 'unknown' : status < 400 ? 'ok' : 'refused'
  return allowed.includes(status) ? { outcome } : { outcome, unexpected: `${status} ${codeOf(answer)}`.trim() }
}

// Codes and fixed texts alone: a detail of ours never holds an id.
function codeOf({ body }: Answer): string {
  const [issue] = (body['issue'] as { code?: string; diagnostics?: string }[] | undefined) ?? []
  return String(body['code'] ?? [issue?.code, issue?.diagnostics].filter(Boolean).join(': '))
}

function mediaOf({ body, path }: Asked): Record<string, string> {
  if (body === undefined) return {}
  return { 'content-type': path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json' }
}

function parsed(text: string): Body {
  try {
    return JSON.parse(text) as Body
  } catch {
    return {}
  }
}
