// Fastify as every service uses it: bounded bodies, refused poison, request ids, one log line and one measurement per
// request by its route pattern.
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { counter, histogram, inSpan, type Logger } from '@careseal/observability'
import { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { BaseConfig } from '../config/base-config.js'
import { HttpProblem } from '../errors/http-problem.js'
import { problemOf, renderProblem } from '../errors/problem.filter.js'
import { parseJsonBody } from './json-body.js'
import { rememberRoutes } from './registered-routes.js'
import { requestIdOf, routePattern } from './request-facts.js'

export type AdapterOptions = {
  config: BaseConfig
  logger: Logger
  bodyLimitBytes: number
  isDraining: () => boolean
}

export function createAdapter({ config, logger, bodyLimitBytes, isDraining }: AdapterOptions): FastifyAdapter {
  const adapter = new FastifyAdapter({
    loggerInstance: logger as never,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: requestIdOf,
    bodyLimit: bodyLimitBytes,
    trustProxy: config.TRUST_PROXY,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // A request that arrives on a kept connection while we close is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: 120_000,
    frameworkErrors: answerFrameworkError as never,
  })
  const fastify = adapter.getInstance() as unknown as FastifyInstance
  rememberRoutes(fastify)
  acceptJson(fastify, config.JSON_DEPTH_MAX)
  identifyRequests(fastify, isDraining)
  measureRequests(fastify)
  return adapter
}

// Malformed URLs are answered before any hook runs.
function answerFrameworkError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error)
  const { contentType, body } = renderProblem('/', request.id, problem)
  void reply.code(problem.status).header('content-type', contentType).header('x-request-id', request.id).send(body)
}

const JSON_TYPES = ['application/json', 'application/fhir+json', 'application/json-patch+json']

function acceptJson(fastify: FastifyInstance, depthMax: number): void {
  fastify.removeAllContentTypeParsers()
  fastify.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) =>
    parseJsonBody(body, { depthMax }),
  )
}

function identifyRequests(fastify: FastifyInstance, isDraining: () => boolean): void {
  fastify.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id)
  })
  fastify.addHook('onSend', async (_request, reply) => {
    if (isDraining()) void reply.header('connection', 'close')
  })
  fastify.addHook('onTimeout', async () => {
    throw new HttpProblem(408, 'request-timeout', 'The request did not arrive in time.')
  })
}

function measureRequests(fastify: FastifyInstance): void {
  const labels = ['method', 'route', 'status'] as const
  const total = counter({ name: 'careseal_http_requests_total', help: 'HTTP requests answered', labels })
  const seconds = histogram({ name: 'careseal_http_request_seconds', help: 'Time to answer a request', labels })
  fastify.addHook('onRequest', traceRequest)
  fastify.addHook('onResponse', async (request, reply) => {
    const values = { method: request.method, route: routePattern(request), status: String(reply.statusCode) }
    const durationMs = Math.round(reply.elapsedTime * 1000) / 1000
    total.inc(values)
    seconds.observe(values, durationMs / 1000)
    if (!isProbe(values.route)) request.log.info({ ...values, status: reply.statusCode, durationMs }, 'request')
  })
}

function isProbe(route: string): boolean {
  return route === '/livez' || route === '/readyz' || route === '/startupz'
}

// The span stays open until the answer is out; what handlers do runs inside it.
function traceRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { traceparent } = request.headers
  const options = typeof traceparent === 'string' ? { traceparent } : {}
  const answered = new Promise<void>((resolve) => reply.raw.once('close', resolve))
  void inSpan(`${request.method} ${routePattern(request)}`, options, () => {
    done()
    return answered
  })
}
