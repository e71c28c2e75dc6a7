// The one place where an error becomes an answer. An error that is not an HttpProblem tells its caller nothing but a
// request id; what happened stands in the log.
import {
  Catch,
  HttpException,
  Logger,
  NotFoundException,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { STATUS_CODES } from 'node:http'
import { HttpProblem } from './http-problem.js'
import { outcomeOf, type OperationOutcome } from './operation-outcome.js'
import { outsideFailure } from './outside-failure.js'
import { offeredMethods } from '../http/offered-methods.js'
import { isFhirPath } from '../http/request-facts.js'

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger(ProblemFilter.name)

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const problem = otherMethod(error, http.getRequest()) ?? problemOf(error)
    if (problem.status >= 500) this.logger.error({ err: problem.cause ?? error, code: problem.code }, 'request failed')
    sendProblem(http.getRequest(), http.getResponse(), problem)
  }
}

/**
 * Answers with the problem in the format of the route. Does nothing when the answer has already begun.
 *
 * Never to be kept by a cache, whatever the route allows for its answers.
 */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: HttpProblem): void {
  if (reply.sent || reply.raw.headersSent) return void reply.raw.destroy()
  const { contentType, body } = renderProblem(request.url, request.id, problem)
  const headers = { 'cache-control': 'no-store', ...problem.headers, 'content-type': contentType }
  void reply.code(problem.status).headers(headers).send(body)
}

/** The body of a problem, serialised: OperationOutcome under /fhir, RFC 9457 problem+json elsewhere. */
export function renderProblem(url: string, requestId: string, problem: HttpProblem) {
  return isFhirPath(url)
    ? { contentType: 'application/fhir+json; charset=utf-8', body: JSON.stringify(asOutcome(requestId, problem)) }
    : { contentType: 'application/problem+json; charset=utf-8', body: JSON.stringify(asJson(requestId, problem)) }
}

function asOutcome(requestId: string, { status, code, detail, issues }: HttpProblem): OperationOutcome {
  const outcome = outcomeOf(status, code, detail)
  return { ...outcome, id: requestId, issue: issues ?? outcome.issue }
}

function asJson(requestId: string, { status, code, detail, members }: HttpProblem) {
  const title = STATUS_CODES[status] ?? 'Error'
  return { ...members, type: `urn:careseal:problem:${code}`, title, status, detail, code, requestId }
}

/** 405 with the methods that are offered, when the path is served under others than the asked one. */
function otherMethod(error: unknown, request: FastifyRequest): HttpProblem | undefined {
  if (!(error instanceof NotFoundException) || !request.is404) return undefined
  const allow = offeredMethods(request).join(', ')
  if (allow === '') return undefined
  const detail = `This method is not offered here; offered: ${allow}.`
  return new HttpProblem(405, 'method-not-allowed', detail, { headers: { allow } })
}

/** Any thrown thing as a problem. */
export function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error
  const known = outsideFailure(error)
  if (known) return known
  const status = statusOf(error)
  if (status !== undefined && status < 500) return clientFault(status, error)
  if (status === 503) return new HttpProblem(503, 'unavailable', 'The service cannot answer now.', { cause: error })
  return new HttpProblem(500, 'internal-error', 'Something went wrong; the request id finds it in the log.', {
    cause: error,
  })
}

// Only what the framework throws carries a status that may be believed: an error of a library with a `status` member
// of its own (a failed call to another service) is our fault, not the caller's.
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus()
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown }
  const ofFastify = typeof code === 'string' && code.startsWith('FST_')
  return ofFastify && typeof statusCode === 'number' ? statusCode : undefined
}

const CLIENT_FAULTS: Record<number, [code: string, detail: string]> = {
  400: ['bad-request', 'The request is malformed.'],
  401: ['token-missing', 'An access token is needed.'],
  403: ['forbidden', 'This is not allowed.'],
  404: ['not-found', 'There is nothing here.'],
  405: ['method-not-allowed', 'This method is not offered here.'],
  406: ['not-acceptable', 'None of the accepted media types is offered.'],
  408: ['request-timeout', 'The request did not arrive in time.'],
  409: ['conflict', 'The request conflicts with what is stored.'],
  413: ['body-too-large', 'The body is larger than this route accepts.'],
  414: ['uri-too-long', 'The URL is too long.'],
  415: ['unsupported-media-type', 'Send application/json, or application/fhir+json under /fhir.'],
  429: ['too-many-requests', 'Too many requests.'],
}

// Messages of the framework quote the URL, and a URL may hold an id of a subject: they are not passed on.
function clientFault(status: number, error: unknown): HttpProblem {
  const { code } = error as { code?: unknown }
  if (code === 'FST_ERR_CTP_EMPTY_JSON_BODY') return new HttpProblem(400, 'body-missing', 'The body is empty.')
  const [known, detail] = CLIENT_FAULTS[status] ?? ['refused', 'The request was refused.']
  return new HttpProblem(status, known, detail, { cause: error })
}
