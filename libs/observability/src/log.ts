// What may stand in a log line: request, event and permit ids, codes, counts. No body, no URL, no subject id, no token;
// an error of the database loses its message and detail, for Postgres quotes values in them.
import pino, { type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

export type LoggerOptions = { service: string; level?: string; destination?: DestinationStream }

const HIDDEN = ['authorization', 'cookie', 'token', 'body', 'query', 'url', 'private', 'key', 'password', 'seed']

/** Members that are replaced by `[redacted]`, at the top of a line and one or two levels down. */
export const REDACTED_PATHS: readonly string[] = [
  ...HIDDEN.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
  'access_token',
  'client_assertion',
  'subjectId',
  'patientId',
  '*.patientId',
  '*["set-cookie"]',
  '*.*["set-cookie"]',
]

/** A JSON logger of one service; lines go to stdout unless a destination is given. */
export function createLogger({ service, level = 'info', destination }: LoggerOptions): Logger {
  const options = {
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...REDACTED_PATHS], censor: '[redacted]' },
    serializers: { err: describeError, error: describeError },
  }
  return destination ? pino(options, destination) : pino(options)
}

/** An error as a log line may hold it. Database errors keep their code and constraint, never their words. */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, constraint, driverError } = error as ErrorWithFacts
  if (isOfDatabase(error)) {
    const facts = (driverError ?? error) as ErrorWithFacts
    return { type: error.name, code: facts.code, constraint: facts.constraint ?? constraint, stack: framesOf(error) }
  }
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) }
  return { type: error.name, code, message: error.message, stack: framesOf(error), ...cause }
}

type ErrorWithFacts = Error & { code?: unknown; constraint?: unknown; driverError?: Error }

function isOfDatabase(error: Error): boolean {
  return 'driverError' in error || ('severity' in error && 'routine' in error)
}

/** The frames alone: the first lines of a stack repeat the message. */
function framesOf(error: Error): string {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => line.trimStart().startsWith('at '))
    .join('\n')
}
