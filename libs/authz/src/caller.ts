import { createParamDecorator, type ExecutionContext } from '@nestjs/common'
import { DEFAULT_PURPOSE, PurposeOfUse, type Caller } from '@careseal/contracts'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyRequest } from 'fastify'

const callers = new WeakMap<object, Caller>()

/** Remembers who calls; the guard alone does so, after verifying the token. */
export function rememberCaller(request: FastifyRequest, caller: Caller): void {
  callers.set(request, caller)
}

/** Who calls. Throws where the route is public, for there is nobody to name. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request)
  if (!caller) throw new Error('a public route has no caller')
  return caller
}

/** The verified caller as a parameter of a handler. */
export const CurrentCaller = createParamDecorator((_data: unknown, context: ExecutionContext): Caller =>
  callerOf(context.switchToHttp().getRequest<FastifyRequest>()),
)

/** Why the caller asks: the header `x-purpose-of-use`, else what its role is for. Throws 400 for an unknown code. */
export function purposeOf(request: FastifyRequest): PurposeOfUse {
  const named = request.headers['x-purpose-of-use']
  if (named === undefined) return DEFAULT_PURPOSE[callerOf(request).role]
  const purpose = PurposeOfUse.safeParse(named)
  if (purpose.success) return purpose.data
  const known = PurposeOfUse.options.join(', ')
  throw new HttpProblem(400, 'unknown-purpose', `x-purpose-of-use must be one of ${known}.`)
}

/** The purpose of use as a parameter of a handler. */
export const Purpose = createParamDecorator((_data: unknown, context: ExecutionContext): PurposeOfUse =>
  purposeOf(context.switchToHttp().getRequest<FastifyRequest>()),
)
