// How FHIR answers look on the wire: media type, ETag, Last-Modified, Location, Prefer.
import type { OperationOutcome } from '@careseal/fhir'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { etagOf, ifMatchTag } from '../versions/version.js'

/** Sends a FHIR body, or none. What is sent may be personal, so no cache keeps it. */
export function sendFhir(reply: FastifyReply, status: number, body?: object | OperationOutcome): void {
  void reply.code(status).header('cache-control', 'no-store')
  if (body === undefined) void reply.send()
  else void reply.header('content-type', 'application/fhir+json; charset=utf-8').send(JSON.stringify(body))
}

/** ETag and Last-Modified of a version. */
export function versionHeaders(reply: FastifyReply, version: { versionId: string; recordedAt: Date }): void {
  void reply.header('etag', etagOf(version.versionId)).header('last-modified', version.recordedAt.toUTCString())
}

/** Whether If-None-Match names this version. */
export function isUnchanged(request: FastifyRequest, versionId: string): boolean {
  const tags = request.headers['if-none-match']?.split(',').map((tag) => tag.trim()) ?? []
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === `"${versionId}"`)
}

/** The entity tag of If-Match in its weak form, or undefined when there is none. */
export function ifMatchOf(request: FastifyRequest): string | undefined {
  const given = request.headers['if-match']
  return given === undefined ? undefined : ifMatchTag(given)
}

export type Preferences = { return: 'minimal' | 'representation' | undefined; lenient: boolean }

/** The `Prefer` header; what is unknown in it is ignored, as RFC 7240 says. */
export function preferencesOf(request: FastifyRequest): Preferences {
  const header = [request.headers['prefer'] ?? []].flat().join(',')
  const preferences = header.split(/[,;]/).map((part) => part.trim().toLowerCase())
  const returned = (['minimal', 'representation'] as const).find((one) => preferences.includes(`return=${one}`))
  return { return: returned, lenient: preferences.includes('handling=lenient') }
}
