// What the log and the metrics may know of a request: its pattern, never its URL, for a URL holds ids and searches.
import type { FastifyRequest } from 'fastify'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** The request id: the caller's `x-request-id` if it is a UUID (anything else could be a name), else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id']
  return typeof given === 'string' && UUID.test(given) ? given.toLowerCase() : randomUUID()
}

/** `/fhir/:type/:id` and the like; `(none)` for a URL that no route serves. */
export function routePattern(request: FastifyRequest): string {
  return request.is404 ? '(none)' : (request.routeOptions.url ?? '(none)')
}

/** Whether the answer to this URL is FHIR, errors included. */
export function isFhirPath(url: string): boolean {
  return /^\/fhir(?:[/?#]|$)/.test(url)
}
