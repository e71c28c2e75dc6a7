// Calls of the HTTP API, typed by the routes that the services describe themselves.
import type { Routes } from './generated/routes.js'

export type Route = keyof Routes

/** The names between braces of a path. */
type PathNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}` ? Name | PathNames<Rest> : never

export type Call<R extends Route> = {
  query?: Routes[R]['query']
  body?: Routes[R]['body']
  /** More headers, such as `if-match` or `idempotency-key`. */
  headers?: Record<string, string>
  signal?: AbortSignal
} & ([PathNames<R>] extends [never] ? { path?: undefined } : { path: Record<PathNames<R>, string> })

export type Answer<R extends Route> = { status: number; headers: Headers; body: Routes[R]['answer'] }

export type HttpClientOptions = {
  /** The ledger's origin, such as `https://careseal.example`. */
  origin: string
  /** Gives an access token for each call; without it calls are anonymous. */
  token?: () => Promise<string> | string
  /** How long a call may take; default 10 000. */
  timeoutMs?: number
}

/** A service said no, or failed. `code` is its stable code where it gave one. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure'

  constructor(
    route: string,
    readonly status: number,
    readonly code: string,
    /** The problem or OperationOutcome as it came. */
    readonly problem: unknown,
  ) {
    super(`${route} was answered with ${status} (${code})`)
  }
}

export type HttpClient = <R extends Route>(route: R, call: Call<R>) => Promise<Answer<R>>

/** `call('GET /audit/patients/{patientId}/accesses', { path: { patientId } })`. Rejects with HttpFailure. */
export function httpClient(options: HttpClientOptions): HttpClient {
  return async (route, call) => {
    const [method = 'GET', template = ''] = route.split(' ')
    const response = await fetch(urlOf(options.origin, template, call), {
      method,
      headers: await headersOf(options, call),
      signal: signalOf(options, call),
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    })
    const text = await response.text()
    const body = isJson(response) && text !== '' ? (JSON.parse(text) as unknown) : text
    if (!response.ok) throw new HttpFailure(route, response.status, codeOf(body), body)
    return { status: response.status, headers: response.headers, body: body as never }
  }
}

type AnyCall = { path?: object | undefined; query?: object; body?: unknown; headers?: Record<string, string> } & {
  signal?: AbortSignal
}

function urlOf(origin: string, template: string, { path = {}, query = {} }: AnyCall): URL {
  const values = path as Record<string, string>
  const url = new URL(
    template.replaceAll(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(values[name] ?? '')),
    origin,
  )
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value))
  return url
}

async function headersOf({ token }: HttpClientOptions, { body, headers }: AnyCall): Promise<Record<string, string>> {
  return {
    accept: 'application/json, application/fhir+json',
    ...(token === undefined ? {} : { authorization: `Bearer ${await token()}` }),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...headers,
  }
}

function signalOf({ timeoutMs = 10_000 }: HttpClientOptions, { signal }: AnyCall): AbortSignal {
  const late = AbortSignal.timeout(timeoutMs)
  return signal === undefined ? late : AbortSignal.any([late, signal])
}

function isJson(response: Response): boolean {
  return /[/+]json\b/.test(response.headers.get('content-type') ?? '')
}

type Issue = { code?: unknown; details?: { coding?: { code?: unknown }[] } }

// problem+json has `code`; an OperationOutcome has it in the details of its first issue, whose own code is FHIR's.
function codeOf(body: unknown): string {
  const { code, issue } = (body ?? {}) as { code?: unknown; issue?: Issue[] }
  const first = issue?.[0]
  const found = code ?? first?.details?.coding?.[0]?.code ?? first?.code
  return typeof found === 'string' ? found : 'unknown'
}
