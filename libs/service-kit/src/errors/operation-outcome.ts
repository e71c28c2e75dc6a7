/** One issue of a FHIR R4 OperationOutcome; `code` is of the issue-type value set. */
export type OutcomeIssue = {
  severity: 'fatal' | 'error' | 'warning' | 'information'
  code: string
  details?: { text?: string; coding?: { system?: string; code: string }[] }
  diagnostics?: string
  expression?: string[]
}

export type OperationOutcome = { resourceType: 'OperationOutcome'; id?: string; issue: OutcomeIssue[] }

/** System of our stable error codes in `issue.details.coding`. */
export const PROBLEM_CODE_SYSTEM = 'urn:careseal:problem'

const ISSUE_CODES: Record<number, string> = {
  400: 'invalid',
  401: 'login',
  403: 'forbidden',
  404: 'not-found',
  405: 'not-supported',
  406: 'not-supported',
  409: 'conflict',
  410: 'deleted',
  412: 'conflict',
  413: 'too-long',
  415: 'not-supported',
  422: 'business-rule',
  428: 'required',
  429: 'throttled',
  503: 'transient',
  504: 'timeout',
}

/** An OperationOutcome of one issue that carries our code and detail. */
export function outcomeOf(status: number, code: string, detail: string): OperationOutcome {
  const issue: OutcomeIssue = {
    severity: status >= 500 ? 'fatal' : 'error',
    code: code === 'token-expired' ? 'expired' : (ISSUE_CODES[status] ?? (status >= 500 ? 'exception' : 'processing')),
    details: { coding: [{ system: PROBLEM_CODE_SYSTEM, code }] },
    diagnostics: detail,
  }
  return { resourceType: 'OperationOutcome', issue: [issue] }
}
