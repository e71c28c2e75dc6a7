// Lets pages of any origin read the ledger (CORS), errors and refusals included: whoever verifies it in a browser does so
// from an origin that is not the operator's. Nothing here knows a cookie or a token, so nothing can be borrowed.
import { Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const EXPOSED = 'ETag, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id'
const PREFIX = '/ledger/'

@Injectable()
export class OpenReads implements OnModuleInit {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter.getInstance<FastifyInstance>()
    fastify.addHook('onRequest', async (request, reply) => {
      if (!request.url.startsWith(PREFIX)) return
      if (isPreflight(request)) return answerPreflight(reply)
      if (request.method === 'GET' || request.method === 'HEAD') allow(reply)
    })
  }
}

function allow(reply: FastifyReply): void {
  void reply.headers({
    'access-control-allow-origin': '*',
    'access-control-expose-headers': EXPOSED,
    'cross-origin-resource-policy': 'cross-origin',
  })
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined
}

function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .headers({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': 'Accept, Cache-Control, If-None-Match, Last-Event-ID',
      'access-control-max-age': '86400',
    })
    .send()
}
