// The connections of a witness: limits, CORS and TLS around its routes, and an end that breaks off no answer.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { WitnessConfig } from '../config.js'
import { reasonOf, type Log } from '../log.js'
import type { Metrics } from '../metrics.js'
import { problem, type Answer } from './answer.js'
import { ClientGone, readBody } from './body.js'
import { RateLimit } from '../rate-limit.js'
import type { Routes } from './routes.js'

export type RunningServer = { url: string; close: () => Promise<void> }

export type ServerOptions = {
  config: Pick<WitnessConfig, 'listen' | 'requestsPerMinute' | 'bodyBytesMax' | 'cors'>
  routes: Routes
  metrics: Metrics
  log: Log
}

const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 65_000
const CLOSE_TIMEOUT_MS = 10_000
const CONNECTIONS_MAX = 2000

/** Listens, or rejects with what the system says (EADDRINUSE). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { listen } = options.config
  const server = makeServer(listen.tls, new Handler(options).handle)
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_MS
  server.maxConnections = CONNECTIONS_MAX
  server.listen(listen.port, listen.host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  return { url: `${listen.tls ? 'https' : 'http'}://${host}:${port}`, close: () => closeServer(server) }
}

type Handle = (request: IncomingMessage, response: ServerResponse) => void

function makeServer(tls: WitnessConfig['listen']['tls'], handle: Handle): Server {
  if (!tls) return createServer(handle)
  return createTlsServer({ key: readFileSync(tls.keyFile), cert: readFileSync(tls.certFile) }, handle)
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS)
  await closed
  clearTimeout(late)
}

class Handler {
  private readonly limit: RateLimit

  constructor(private readonly options: ServerOptions) {
    this.limit = new RateLimit(options.config.requestsPerMinute, () => performance.now())
  }

  readonly handle = (request: IncomingMessage, response: ServerResponse): void => {
    void this.answer(request)
      .catch((error: unknown) => this.failed(error))
      .then((answer) => this.write(request, response, answer))
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const { routes, metrics, config } = this.options
    const path = (request.url ?? '/').split('?', 1)[0]!
    const health = routes.health(path)
    if (health) return health
    const waitSeconds = this.limit.take(request.socket.remoteAddress)
    if (waitSeconds !== null) {
      metrics.add('witness_requests_limited_total')
      const refused = problem(429, 'too-many-requests', 'too many requests from this address')
      return { ...refused, headers: { ...refused.headers, 'retry-after': String(waitSeconds) } }
    }
    if (request.method === 'OPTIONS') return { status: 204, headers: {}, body: '' }
    if (path === '/add-checkpoint') {
      if (request.method !== 'POST') return notAllowed('POST, OPTIONS')
      const body = await readBody(request, config.bodyBytesMax)
      return body === null
        ? problem(413, 'body-too-long', `at most ${config.bodyBytesMax} bytes`)
        : routes.addCheckpoint(body)
    }
    return request.method === 'GET' || request.method === 'HEAD' ? routes.get(path) : notAllowed('GET, HEAD, OPTIONS')
  }

  // If we crash here or above, nothing was answered: whoever asks again gets the same cosignature, or a 409.
  private failed(error: unknown): Answer {
    if (error instanceof ClientGone) return problem(400, 'broken-off', error.message)
    this.options.log('error', 'a request failed', { alarm: true, error: reasonOf(error) })
    return problem(500, 'not-stored', 'the witness could not do it, and has signed nothing')
  }

  private write(request: IncomingMessage, response: ServerResponse, { status, headers, body }: Answer): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    response.writeHead(status, {
      'x-content-type-options': 'nosniff',
      ...this.cors(request),
      ...headers,
      // A body that was not read to its end would be taken for the next request.
      ...(status === 413 ? { connection: 'close' } : {}),
      ...(status === 204 ? {} : { 'content-length': String(bytes.length) }),
    })
    response.end(request.method === 'HEAD' || status === 204 ? undefined : bytes)
  }

  private cors({ headers, method }: IncomingMessage): Record<string, string> {
    const { cors } = this.options.config
    const { origin } = headers
    const isAny = cors.includes('*')
    if (!isAny && (origin === undefined || !cors.includes(origin))) return { vary: 'origin' }
    const allowed = isAny
      ? { 'access-control-allow-origin': '*' }
      : { 'access-control-allow-origin': origin!, vary: 'origin' }
    if (method !== 'OPTIONS') return allowed
    return {
      ...allowed,
      'access-control-allow-methods': 'GET, HEAD, POST, OPTIONS',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '86400',
    }
  }
}

function notAllowed(allow: string): Answer {
  const refused = problem(405, 'method-not-allowed', `only ${allow}`)
  return { ...refused, headers: { ...refused.headers, allow } }
}
