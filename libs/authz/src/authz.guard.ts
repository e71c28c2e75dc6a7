// Default deny: a route that declares nothing is refused, even if somebody forgot the test that would have found it.
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { ThrottlerStorage } from '@nestjs/throttler'
import { HttpProblem, PUBLIC, ROUTE_REQUIREMENT, tooManyRequests } from '@careseal/service-kit'
import type { FastifyRequest } from 'fastify'
import { AccessTokens } from './access-token.js'
import { rememberCaller } from './caller.js'
import { demand, type Requirement } from './requirement.js'

/** Token of the limit of requests per client and minute. */
export const CLIENT_RATE_LIMIT = Symbol('requests per client and minute')

const MINUTE_MS = 60_000

@Injectable()
export class AuthzGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly tokens: AccessTokens,
    @Inject(ThrottlerStorage) private readonly storage: ThrottlerStorage,
    @Inject(CLIENT_RATE_LIMIT) private readonly rateLimit: number,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    // Messages come from services that the broker has authorised, per subject.
    if (context.getType() !== 'http') return true
    const targets = [context.getHandler(), context.getClass()]
    const requirement = this.reflector.getAllAndOverride<Requirement | typeof PUBLIC>(ROUTE_REQUIREMENT, targets)
    if (requirement === PUBLIC) return true
    if (!requirement) throw new HttpProblem(403, 'route-undeclared', 'This route declares no requirement.')
    await this.admit(context.switchToHttp().getRequest<FastifyRequest>(), requirement)
    return true
  }

  private async admit(request: FastifyRequest, requirement: Requirement): Promise<void> {
    const caller = await this.tokens.callerOf(request.headers.authorization)
    await this.count(caller.clientId)
    demand(caller, requirement, (request.params as { type?: string }).type)
    rememberCaller(request, caller)
  }

  private async count(clientId: string): Promise<void> {
    const use = await this.storage.increment(`client:${clientId}`, MINUTE_MS, this.rateLimit, MINUTE_MS, 'client')
    if (use.isBlocked) throw tooManyRequests(use.timeToBlockExpire)
  }
}
