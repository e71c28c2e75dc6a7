// Every way in which a request about a consent is refused, and the answer it gets.
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common'
import { IdempotencyMismatch } from '@careseal/event-store'
import { errorIssue, type Issue } from '@careseal/fhir'
import { SubjectErased } from '@careseal/keys'
import { HttpProblem } from '@careseal/service-kit'
import { catchError, type Observable } from 'rxjs'
import type { Refusal } from './consent.service.js'

const ANSWERS: Record<Refusal, [status: number, detail: string, expression?: string]> = {
  'already-granted': [409, 'This consent exists already.'],
  'unknown-consent': [404, 'There is no such consent.'],
  'not-active': [422, 'A revoked consent stays revoked; grant a new one.', 'Consent.status'],
  'not-the-patient': [403, 'Only the patient, or whom the deployment lets record consents, may do this.'],
  'other-patient': [422, 'A consent cannot move to another patient.', 'Consent.patient'],
  'ends-before-it-starts': [422, 'The period ends before it starts.', 'Consent.provision.period'],
  'version-mismatch': [412, 'The consent has another version than If-Match names.'],
}

export function rejectionProblem(rejected: Refusal): HttpProblem {
  const [status, detail, expression] = ANSWERS[rejected]
  const issues = expression === undefined ? {} : { issues: [errorIssue('business-rule', detail, expression)] }
  return new HttpProblem(status, rejected, detail, issues)
}

/** The same answer for an id that is unknown and for one that is somebody else's. */
export function notFound(): HttpProblem {
  return rejectionProblem('unknown-consent')
}

/** No FHIR at all, or no Consent: 400. */
export function invalidResource(issues: Issue[]): HttpProblem {
  return new HttpProblem(400, 'invalid-resource', 'The body is no valid FHIR R4 Consent.', { issues })
}

/** A valid Consent that says more, or less, than can be enforced: 422. */
export function notEnforceable(issues: Issue[]): HttpProblem {
  return new HttpProblem(422, 'not-enforceable', 'This consent cannot be enforced as it stands.', { issues })
}

export function invalidParameter(name: string, problem: string): HttpProblem {
  const detail = `${name}: ${problem}`
  return new HttpProblem(400, 'invalid-parameter', detail, { issues: [errorIssue('invalid', detail)] })
}

export function formExpected(): HttpProblem {
  return new HttpProblem(415, 'unsupported-media-type', 'Send the search as application/x-www-form-urlencoded.')
}

/** Gives what libraries throw the answer that it has over HTTP. */
@Injectable()
export class ConsentRefusals implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(
      catchError((error: unknown) => {
        throw problemFor(error)
      }),
    )
  }
}

function problemFor(error: unknown): unknown {
  if (error instanceof SubjectErased) return new HttpProblem(410, error.code, 'The data of this patient is erased.')
  if (error instanceof IdempotencyMismatch) {
    return new HttpProblem(422, error.code, 'This Idempotency-Key was used for another request.')
  }
  return error
}
