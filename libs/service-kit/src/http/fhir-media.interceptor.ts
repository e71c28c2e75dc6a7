import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import type { Observable } from 'rxjs'
import { HttpProblem } from '../errors/http-problem.js'

const JSON_TYPES = ['application/fhir+json', 'application/json', 'text/json', 'json']
const BODY_TYPES = ['application/fhir+json', 'application/json', 'application/x-www-form-urlencoded']

/** For FHIR routes: 406 to who accepts no JSON and 415 to who sends another body; `_format` goes before Accept. */
@Injectable()
export class FhirMediaInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const { _format: format } = request.query as { _format?: unknown }
    if (!acceptsJson(typeof format === 'string' ? format : request.headers.accept)) throw notAcceptable()
    if (!sendsJson(request)) throw unsupported()
    return next.handle()
  }
}

function acceptsJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return false
    // An unencoded plus in `_format=application/fhir+json` arrives as a blank.
    return type === '*/*' || type === 'application/*' || JSON_TYPES.includes(type.replace(' ', '+'))
  })
}

function sendsJson(request: FastifyRequest): boolean {
  if (request.body === undefined || request.body === null) return true
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? ''
  return BODY_TYPES.includes(type)
}

function notAcceptable(): HttpProblem {
  return new HttpProblem(406, 'not-acceptable', 'Answers are application/fhir+json alone.')
}

function unsupported(): HttpProblem {
  return new HttpProblem(415, 'unsupported-media-type', 'Send application/fhir+json.')
}
