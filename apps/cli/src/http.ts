// HTTP as the CLI does it: a deadline, a reason when nobody answers, and retries with jitter for what may be repeated.
import { setTimeout as delay } from 'node:timers/promises'
import { CliError, EXIT, unreachable } from './exit.js'

type HeadersGiven = NonNullable<RequestInit['headers']>

export type RequestOptions = Omit<RequestInit, 'headers'> & {
  /** Or what makes them, asked before each attempt: a token may end between two. What it throws ends the request. */
  headers?: HeadersGiven | (() => Promise<HeadersGiven>)
  deadlineMs?: number
  /** How often a request that may be repeated is tried in all. Default 1. */
  attempts?: number
  /** Whether an answer, of which this gets a copy, is no verdict and worth another attempt. Default: where it is away. */
  isPassing?: (answer: Response) => boolean | Promise<boolean>
}

const FIRST_DELAY_MS = 200
const LONGEST_DELAY_MS = 5_000
/** Too many requests are too many for a minute, the span of the ledger's own limit: earlier all would be in vain. */
const LONGEST_DELAY_OF_429_MS = 60_000

/**
 * The response with its whole body, whatever its status. Throws a CliError (unreachable) when none comes, and the reason
 * of `signal` as soon as it aborts.
 */
export async function request(url: string, options: RequestOptions = {}): Promise<Response> {
  const { deadlineMs = 30_000, attempts = 1, signal, headers = {}, isPassing = passes, ...init } = options
  for (let attempt = 1; ; attempt++) {
    const given = typeof headers === 'function' ? await headers() : headers
    const deadline = AbortSignal.timeout(deadlineMs)
    const limited = { ...init, headers: given, signal: signal ? AbortSignal.any([deadline, signal]) : deadline }
    const outcome = await answerOf(url, limited).catch((error: unknown) => error)
    signal?.throwIfAborted()
    const isLast = attempt >= attempts
    if (outcome instanceof Response && (isLast || !(await isPassing(outcome.clone())))) return outcome
    if (!(outcome instanceof Response) && isLast) throw unreachable(new URL(url).origin, outcome)
    await passed(pause(attempt, outcome), signal)
  }
}

/** Does again, after the pauses of a request, what failed because nobody answers. Throws what the last attempt threw. */
export async function untilReached<T>(attempts: number, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const isPassing = error instanceof CliError && error.exitCode === EXIT.unreachable
      if (!isPassing || attempt >= attempts) throw error
      await delay(pause(attempt, error))
    }
  }
}

async function passed(pauseMs: number, signal: AbortSignal | null | undefined): Promise<void> {
  await delay(pauseMs, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted())
}

// The body is read here, for it may break off where an answer had begun well.
async function answerOf(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  const body = await response.arrayBuffer()
  return new Response(body.byteLength > 0 ? body : null, response)
}

/** The JSON body of a 2xx answer. Throws a CliError that holds the server's own reason otherwise. */
export async function requestJson<T>(url: string, options: RequestOptions = {}): Promise<T> {
  const response = await request(url, options)
  const text = await response.text()
  if (!response.ok) throw refusalOf(pathOf(url), response.status, text)
  return jsonOf<T>(pathOf(url), text)
}

/** The body of a 2xx answer as JSON. Throws a CliError that names the path: the engine's own error quotes the body. */
export function jsonOf<T>(path: string, text: string): T {
  try {
    return JSON.parse(text) as T
  } catch {
    throw new CliError(EXIT.failure, `${path} answered no JSON: is this the address of a ledger?`)
  }
}

/**
 * What is thrown for an answer that is not 2xx: (unreachable) where a proxy says that the service is away, or the service
 * that it cannot answer now or so often, which are no verdict on what was asked.
 */
export function refusalOf(what: string, status: number, text: string): CliError {
  return new CliError(isAway(status) ? EXIT.unreachable : EXIT.failure, `${what}: ${reasonOf(status, text)}`)
}

/** Whether a status says that a service cannot answer now, or not so many requests. */
export function isAway(status: number): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504
}

/** What a refusal says, from a problem document or an OperationOutcome. */
export function reasonOf(status: number, text: string): string {
  try {
    const body = JSON.parse(text) as {
      detail?: string
      title?: string
      issue?: { diagnostics?: string; expression?: string[]; details?: { text?: string }; code?: string }[]
    }
    const issues = (body.issue ?? []).slice(0, 3).map((issue) => {
      const at = issue.expression?.length ? ` at ${issue.expression.join(', ')}` : ''
      return `${issue.diagnostics ?? issue.details?.text ?? issue.code ?? ''}${at}`
    })
    const reason = issues.join('; ') || body.detail || body.title
    if (reason) return `${status} ${reason}`
  } catch {
    // Not JSON: the status has to do.
  }
  return `${status}`
}

const passes = ({ status }: Response) => isAway(status)

/** Milliseconds until the next attempt: full jitter, after what the server asks for. */
export function pause(attempt: number, outcome: unknown): number {
  const most = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt)
  return Math.random() * most + (outcome instanceof Response ? askedMs(outcome) : 0)
}

function askedMs({ status, headers }: Response): number {
  const seconds = Number(headers.get('retry-after'))
  if (!Number.isFinite(seconds)) return 0
  return Math.min(seconds * 1000, status === 429 ? LONGEST_DELAY_OF_429_MS : LONGEST_DELAY_MS)
}

/** The path of a URL, as errors name it. */
export function pathOf(url: string): string {
  const { pathname } = new URL(url)
  return pathname
}
