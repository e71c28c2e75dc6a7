import { Injectable, type ExecutionContext } from '@nestjs/common'
import { ThrottlerGuard, type ThrottlerLimitDetail } from '@nestjs/throttler'
import type { FastifyReply } from 'fastify'
import { HttpProblem } from '../errors/http-problem.js'

/** Limits requests per address over all routes of the service, before anybody's token is looked at. */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override headerPrefix = 'RateLimit'

  protected override generateKey(_context: ExecutionContext, tracker: string): string {
    return `address:${tracker}`
  }

  protected override async throwThrottlingException(context: ExecutionContext, limit: ThrottlerLimitDetail) {
    const reply = context.switchToHttp().getResponse<FastifyReply>()
    void reply.headers({
      'RateLimit-Limit': limit.limit,
      'RateLimit-Remaining': 0,
      'RateLimit-Reset': limit.timeToExpire,
    })
    throw tooManyRequests(limit.timeToBlockExpire)
  }
}

/** 429 with the seconds after which to try again. */
export function tooManyRequests(retryAfterSeconds: number): HttpProblem {
  const seconds = Math.max(1, Math.ceil(retryAfterSeconds))
  return new HttpProblem(429, 'too-many-requests', `Too many requests; try again in ${seconds} s.`, {
    headers: { 'retry-after': String(seconds) },
  })
}
