// Failures of other parts carry a stable `code` (style.md); here is what each of them means to a caller over HTTP.
// They are known by code and not by class, so that no part has to be imported for it.
import { HttpProblem } from './http-problem.js'

type Answer = readonly [status: number, detail: string]

const UNAVAILABLE: Answer = [503, 'Something that this service needs cannot be reached now; try again.']

const ANSWERS: Record<string, Answer> = {
  'version-conflict': [409, 'Somebody else changed this at the same time; read it again.'],
  'idempotency-mismatch': [422, 'This idempotency key was used for another request.'],
  'subject-erased': [410, 'The subject of this data is erased.'],
  'kms-unavailable': UNAVAILABLE,
  unreachable: UNAVAILABLE,
  'deadline-exceeded': UNAVAILABLE,
  'breaker-open': UNAVAILABLE,
  'remote-failure': UNAVAILABLE,
}

// Connections refused, broken or too many; a server that shuts down or starts; a statement that took too long.
const DATABASE_AWAY = /^(ECONN\w+|ETIMEDOUT|EPIPE|08\w{3}|53\w{3}|57P0[1-5]|57014|25P03)$/

/** The problem of a known failure, or undefined for what nobody foresaw. */
export function outsideFailure(error: unknown): HttpProblem | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code !== 'string') return undefined
  const [status, detail] = ANSWERS[code] ?? (DATABASE_AWAY.test(code) ? UNAVAILABLE : [])
  if (status === undefined || detail === undefined) return undefined
  const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {}
  return new HttpProblem(status, status === 503 ? 'unavailable' : code, detail, { headers, cause: error })
}
