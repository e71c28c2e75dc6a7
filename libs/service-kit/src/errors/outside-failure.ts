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

// Connections refused, broken or too many; a server that shuts down, starts or lets our role not in; a disk of its own
// that fails; a statement that took too long, or lost against another.
const DATABASE_AWAY = /^(ECONN\w+|ETIMEDOUT|EPIPE|08\w{3}|28\w{3}|40\w{3}|53\w{3}|57P0[1-5]|57014|58\w{3}|25P03)$/

/** What pg, its pool and TypeORM say, without any code, when a connection breaks beneath a query or none is to be had. */
const CONNECTION_LOST = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Query runner already released. Cannot run queries anymore.',
  'Query read timeout',
  'timeout expired',
  'timeout exceeded when trying to connect',
])

/** The problem of a known failure, or undefined for what nobody foresaw. */
export function outsideFailure(error: unknown): HttpProblem | undefined {
  const answer = error instanceof Error ? answerOf(error) : undefined
  if (!answer) return undefined
  const [status, detail, code] = answer
  const headers: Record<string, string> = status === 503 ? { 'retry-after': '1' } : {}
  return new HttpProblem(status, status === 503 ? 'unavailable' : code, detail, { headers, cause: error })
}

function answerOf(error: Error & { code?: unknown }): readonly [...Answer, code: string] | undefined {
  const { code, message } = error
  if (typeof code !== 'string') return CONNECTION_LOST.has(message) ? [...UNAVAILABLE, 'unavailable'] : undefined
  const answer = ANSWERS[code] ?? (DATABASE_AWAY.test(code) ? UNAVAILABLE : undefined)
  return answer && [...answer, code]
}
