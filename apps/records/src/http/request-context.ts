import { callerOf, purposeOf } from '@careseal/authz'
import type { Json } from '@careseal/fhir'
import { HttpProblem } from '@careseal/service-kit'
import type { FastifyRequest } from 'fastify'
import type { ReadContext } from '../reading/read.service.js'
import type { WriteContext } from '../writing/write.service.js'

export function readContext(request: FastifyRequest): ReadContext {
  return { caller: callerOf(request), purpose: purposeOf(request) }
}

/** The Idempotency-Key of the whole request. Throws 400 for a malformed one. */
export function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined || (typeof key === 'string' && /^[\x21-\x7e]{1,128}$/.test(key))) return key
  throw new HttpProblem(400, 'bad-idempotency-key', 'Idempotency-Key must be 1 to 128 visible ASCII characters.')
}

/** With the Idempotency-Key, if the request has one; `part` tells the entries of a batch from one another. */
export function writeContext(request: FastifyRequest, body: unknown, part = ''): WriteContext {
  const context = readContext(request)
  const key = idempotencyKeyOf(request)
  if (key === undefined) return context
  const path = request.url.split('?')[0] ?? ''
  const asked = JSON.stringify([request.method, path, context.purpose, body as Json])
  return { ...context, idempotency: { actor: context.caller.accountId, key: key + part, request: asked } }
}
