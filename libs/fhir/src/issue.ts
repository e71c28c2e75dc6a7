// What a FHIR answer says about a fault: what and where, never a personal value.

export type IssueSeverity = 'fatal' | 'error' | 'warning' | 'information'

/** The codes of http://hl7.org/fhir/R4/valueset-issue-type.html that Careseal uses. */
export type IssueCode =
  | 'invalid'
  | 'structure'
  | 'required'
  | 'value'
  | 'invariant'
  | 'security'
  | 'login'
  | 'expired'
  | 'forbidden'
  | 'processing'
  | 'not-supported'
  | 'duplicate'
  | 'multiple-matches'
  | 'not-found'
  | 'deleted'
  | 'too-long'
  | 'code-invalid'
  | 'too-costly'
  | 'business-rule'
  | 'conflict'
  | 'transient'
  | 'exception'
  | 'timeout'
  | 'throttled'
  | 'informational'

/** One issue of an OperationOutcome. `expression` holds FHIRPaths such as `Bundle.entry[3].resource.birthDate`. */
export type Issue = {
  severity: IssueSeverity
  code: IssueCode
  diagnostics: string
  details?: { text: string }
  expression?: string[]
}

export type OperationOutcome = { resourceType: 'OperationOutcome'; issue: Issue[] }

/** An OperationOutcome of one or several issues, at least one. Source: http://hl7.org/fhir/R4/operationoutcome.html */
export function operationOutcome(issues: Issue | Issue[]): OperationOutcome {
  const list = Array.isArray(issues) ? issues : [issues]
  if (list.length === 0) throw new Error('an OperationOutcome needs at least one issue')
  return { resourceType: 'OperationOutcome', issue: list }
}

/** An issue of severity `error`. */
export function errorIssue(code: IssueCode, diagnostics: string, expression?: string): Issue {
  return { severity: 'error', code, diagnostics, ...(expression === undefined ? {} : { expression: [expression] }) }
}

/** Follows faults that may not be all there are. */
export const MORE_FAULTS: Issue = {
  severity: 'information',
  code: 'informational',
  diagnostics: 'There may be more faults; mend these first.',
}
