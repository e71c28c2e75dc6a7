// One origin in front of all services, as the gateway of a cluster is: forwards, streams, and says which one is away.
import proxy from '@fastify/http-proxy'
import { STATUS_CODES } from 'node:http'
import fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { ROUTES, type Route, type ServiceName, type ServicePorts } from './services.js'

export type Gateway = { readonly port: number; stop(): Promise<void> }

export type GatewayOptions = {
  /** 0 for any free one. */
  port: number
  ports: Record<ServiceName, ServicePorts>
}

/** Listens on localhost. Throws an error with the mend when the port is taken. */
export async function startGateway({ port, ports }: GatewayOptions): Promise<Gateway> {
  const server = fastify({
    logger: false,
    requestTimeout: 120_000,
    frameworkErrors: (error, _request, reply) => void refuse(reply, error.statusCode ?? 400),
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  })
  server.setErrorHandler((error, _request, reply) => refuse(reply, (error as FastifyError).statusCode ?? 500))
  server.setNotFoundHandler((_request, reply) => refuse(reply, 404))
  for (const route of ROUTES) await forward(server, route, ports[route.service])
  try {
    await server.listen({ port, host: 'localhost' })
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (!isTaken) throw error
    throw new Error(`port ${port} is taken: choose another with --port, or stop what listens there`, { cause: error })
  }
  return { port: (server.addresses()[0] as { port: number }).port, stop: () => server.close() }
}

async function forward(server: FastifyInstance, route: Route, { host, port }: ServicePorts): Promise<void> {
  const { prefix, service, bodyBytesMax } = route
  await server.register(proxy, {
    upstream: `http://${host}:${port}`,
    prefix,
    rewritePrefix: prefix,
    disableRequestLogging: true,
    // Here, for a service that refuses an upload closes the connection under it, and the client would never know why.
    preHandler: async (request, reply) => {
      if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) return refuse(reply, 413)
    },
    undici: { connections: 128, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 300_000 },
    replyOptions: {
      // A 503 is the client's to repeat: it knows whether its request may be.
      retryDelay: () => null,
      rewriteRequestHeaders: forwardedHeaders,
      onError: (reply) => unavailable(reply as FastifyReply, service),
    },
  })
}

type Headers = Record<string, string | string[] | undefined>

// Overwritten, never appended to: what a client says about itself is not believed.
function forwardedHeaders(request: unknown, headers: Headers): Headers {
  const { ip, host, protocol } = request as FastifyRequest
  return { ...headers, 'x-forwarded-for': ip, 'x-forwarded-host': host, 'x-forwarded-proto': protocol }
}

function unavailable(reply: FastifyReply, service: ServiceName): void {
  const detail = `${service} does not answer; it is probably being started again.`
  void problem(reply.header('retry-after', '1'), { status: 503, code: 'service-unreachable', detail })
}

const REFUSALS: Record<number, [code: string, detail: string]> = {
  400: ['bad-request', 'The request is malformed.'],
  404: ['not-found', 'There is nothing here.'],
  413: ['body-too-large', 'The body is larger than this route accepts.'],
  415: ['unsupported-media-type', 'The media type is none that is accepted here.'],
}

// The framework's own messages quote the URL, and a URL may hold an id of a subject.
function refuse(reply: FastifyReply, status: number): FastifyReply {
  const [code, detail] = REFUSALS[status] ?? ['refused', 'The request was refused.']
  return problem(reply, { status, code, detail })
}

function problem(reply: FastifyReply, { status, ...told }: { status: number; code: string; detail: string }) {
  const title = STATUS_CODES[status] ?? 'Error'
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ type: 'about:blank', title, status, ...told })
}
