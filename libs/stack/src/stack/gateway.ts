// One origin in front of all services, as the gateway of a cluster is: forwards, streams, and says which one is away.
import proxy from '@fastify/http-proxy'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { ROUTES, type ServiceName, type ServicePorts } from './services.js'

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
    bodyLimit: 64 * 1024 * 1024,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 512 },
  })
  for (const { prefix, service } of ROUTES) await forward(server, prefix, { service, port: ports[service].port })
  try {
    await server.listen({ port, host: 'localhost' })
  } catch (error) {
    const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
    if (!isTaken) throw error
    throw new Error(`port ${port} is taken: choose another with --port, or stop what listens there`, { cause: error })
  }
  return { port: (server.addresses()[0] as { port: number }).port, stop: () => server.close() }
}

async function forward(
  server: FastifyInstance,
  prefix: string,
  { service, port }: { service: ServiceName; port: number },
): Promise<void> {
  await server.register(proxy, {
    upstream: `http://127.0.0.1:${port}`,
    prefix,
    rewritePrefix: prefix,
    disableRequestLogging: true,
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
  void reply
    .code(503)
    .header('retry-after', '1')
    .type('application/problem+json')
    .send({
      type: 'about:blank',
      title: 'Service Unavailable',
      status: 503,
      code: 'service-unreachable',
      detail: `${service} does not answer; it is probably being started again.`,
    })
}
