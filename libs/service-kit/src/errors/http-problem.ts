// An answer that is not a success. The filter turns it into problem+json, or an OperationOutcome under /fhir.
import type { OutcomeIssue } from './operation-outcome.js'

export type ProblemExtra = {
  headers?: Record<string, string>
  /** FHIR issues that replace the one made from the detail; shown under /fhir only. */
  issues?: OutcomeIssue[]
  /** Members added to problem+json (RFC 9457 section 3.2); codes and paths, no personal data. */
  members?: Record<string, unknown>
  cause?: unknown
}

/**
 * Refuses a request with a stable kebab-case `code`.
 *
 * `detail` goes to the caller as it is: it says what and where, and quotes neither values nor internals.
 */
export class HttpProblem extends Error {
  readonly headers: Record<string, string>
  readonly issues: OutcomeIssue[] | undefined
  readonly members: Record<string, unknown>

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    extra: ProblemExtra = {},
  ) {
    super(detail, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.name = 'HttpProblem'
    this.headers = extra.headers ?? {}
    this.issues = extra.issues
    this.members = extra.members ?? {}
  }
}
