// Consent and AuditEvent belong to other services; whoever asks here gets their answer as it is.
import { Inject, Injectable } from '@nestjs/common'
import type { BundleEntry } from '@careseal/fhir'
import { hex, sha256, utf8 } from '@careseal/crypto'
import { callService, isOutage, RemoteFailure } from '@careseal/messaging'
import { HttpProblem, isForm, type Form } from '@careseal/service-kit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { RECORDS_CONFIG, type RecordsConfig } from '../config.js'
import { notFound } from '../access/refusals.js'
import { statusText } from '../bundles/entry-response.js'
import { idempotencyKeyOf } from './request-context.js'

const DEADLINE_MS = 15_000
const PASSED_ON = [
  'authorization',
  'accept',
  'content-type',
  'prefer',
  'if-match',
  'if-none-exist',
  'if-none-match',
  'idempotency-key',
  'x-purpose-of-use',
  'traceparent',
]
const PASSED_BACK = [
  'allow',
  'content-type',
  'etag',
  'last-modified',
  'location',
  'cache-control',
  'retry-after',
  'www-authenticate',
]

@Injectable()
export class ForwardService {
  constructor(@Inject(RECORDS_CONFIG) private readonly config: RecordsConfig) {}

  /** Sends the request on and streams the answer back. Throws 503 when the other service does not answer. */
  async forward(type: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const body = request.body === undefined || request.body === null ? undefined : bodyText(request)
    const response = await this.call(type, request, { path: request.url, method: request.method, body })
    void reply.code(response.status)
    for (const name of PASSED_BACK) {
      const value = response.headers.get(name)
      if (value !== null) void reply.header(name, value)
    }
    const stream = response.body as ReadableStream | null
    await reply.send(stream ? Readable.fromWeb(stream) : undefined)
  }

  /** One entry of a batch, answered by the other service, as the entry of the response. */
  async entry(entry: BundleEntry, request: FastifyRequest): Promise<object> {
    const { type, method, url, resource } = entry
    const body = resource && JSON.stringify(resource)
    const headers = entryHeaders(entry, request)
    const response = await this.call(type, request, { path: `/fhir/${url}`, method, body, headers })
    const text = await response.text()
    const parsed: unknown = text === '' ? undefined : JSON.parse(text)
    const etag = response.headers.get('etag')
    const location = response.headers.get('location')
    return {
      ...(response.ok && parsed !== undefined ? { resource: parsed } : {}),
      response: {
        status: statusText(response.status),
        ...(location ? { location } : {}),
        ...(etag ? { etag } : {}),
        ...(response.ok || parsed === undefined ? {} : { outcome: parsed }),
      },
    }
  }

  private async call(
    type: string,
    request: FastifyRequest,
    sent: { path: string; method: string; body: string | undefined; headers?: Record<string, string> },
  ): Promise<Response> {
    const service = type === 'Consent' ? 'consent' : 'audit'
    const base = type === 'Consent' ? this.config.CONSENT_URL : this.config.AUDIT_URL
    const headers = { ...passedOn(request), ...sent.headers }
    const init = { method: sent.method, headers, deadlineMs: DEADLINE_MS, ...(sent.body ? { body: sent.body } : {}) }
    const url = forwardedUrl(base, type, sent.path)
    return callService(`${service}.fhir`, url, init).catch((cause: unknown) => {
      throw refusalOf(service, cause)
    })
  }
}

// A request that the other service fails on is a fault of that request: another one may well be answered.
function refusalOf(service: string, cause: unknown): HttpProblem {
  if (cause instanceof RemoteFailure && !isOutage(cause)) {
    return new HttpProblem(500, `${service}-failed`, 'The service that owns this type failed on this request.', {
      cause,
    })
  }
  return new HttpProblem(503, `${service}-unavailable`, 'The service that owns this type does not answer now.', {
    cause,
    headers: { 'retry-after': '2' },
  })
}

// The path is ours alone: what the caller sent can name no other host, and no other route by dots.
function forwardedUrl(base: string, type: string, asked: string): URL {
  const url = new URL(base)
  const [path = '', query] = asked.split('?')
  url.pathname = path
  url.search = query ?? ''
  if (!new RegExp(`^/fhir/${type}(/|$)`).test(url.pathname)) throw notFound()
  return url
}

function passedOn(request: FastifyRequest): Record<string, string> {
  const headers: Record<string, string> = { 'x-request-id': request.id }
  for (const name of PASSED_ON) {
    const value = request.headers[name]
    if (typeof value === 'string') headers[name] = value
  }
  return headers
}

// Each entry is a request of its own there, so its key is: hashed, for together with the place it may be too long.
function entryHeaders({ index, ifMatch }: BundleEntry, request: FastifyRequest): Record<string, string> {
  const key = idempotencyKeyOf(request)
  return {
    'content-type': 'application/fhir+json',
    ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
    ...(key === undefined ? {} : { 'idempotency-key': hex(sha256(utf8(`${key}:${index}`))) }),
  }
}

// Bodies were parsed on the way in; a form is written as a form again.
function bodyText(request: FastifyRequest): string {
  if (!isForm(request)) return JSON.stringify(request.body)
  const pairs = Object.entries(request.body as Form)
  return new URLSearchParams(
    pairs.flatMap(([name, value]) => [value].flat().map((one): [string, string] => [name, one])),
  ).toString()
}
