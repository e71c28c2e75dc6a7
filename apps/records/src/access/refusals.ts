// Answers that must look the same whatever the reason: who may not see a resource must not learn that it exists.
import { HttpProblem } from '@careseal/service-kit'

/** Unknown id, foreign id and denied read alike. */
export function notFound(): HttpProblem {
  return new HttpProblem(404, 'not-found', 'There is no such resource, or none that you may see.')
}

/** Unknown id, foreign id and denied write of an existing resource alike. */
export function notFoundToWrite(): HttpProblem {
  const text = 'There is no such resource, or none that you may write. The server gives the ids: create it with POST.'
  return new HttpProblem(404, 'not-found', text)
}

export function gone(): HttpProblem {
  return new HttpProblem(410, 'deleted', 'This resource was deleted.')
}

/** `where` is a FHIRPath; no patient is named. */
export function writeDenied(where: string): HttpProblem {
  const detail = 'Writing for this patient is not permitted.'
  const issue = { severity: 'error' as const, code: 'forbidden', diagnostics: detail, expression: [where] }
  return new HttpProblem(403, 'write-denied', detail, { issues: [issue] })
}

export function roleDenied(where: string): HttpProblem {
  const detail = 'Your role may not write resources that belong to no patient.'
  const issue = { severity: 'error' as const, code: 'forbidden', diagnostics: detail, expression: [where] }
  return new HttpProblem(403, 'role-not-allowed', detail, { issues: [issue] })
}

export function versionMismatch(where: string): HttpProblem {
  const detail = 'The resource has another version than If-Match names.'
  const issue = { severity: 'error' as const, code: 'conflict', diagnostics: detail, expression: [where] }
  return new HttpProblem(412, 'version-mismatch', detail, { issues: [issue] })
}

export function changedMeanwhile(): HttpProblem {
  return new HttpProblem(409, 'conflict', 'The resource was changed at the same time; read it again.')
}
