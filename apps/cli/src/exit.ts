// How a command ends: the exit code says what kind of failure it was, the message what, where and how to mend it.

/** `interrupted` is what a shell says of a Ctrl-C. */
export const EXIT = { ok: 0, failure: 1, usage: 2, verification: 3, unreachable: 4, interrupted: 130 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** A failure that the user is told about in one line, without a stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Nobody answers at an address: the mend is to start it, or to name another. */
export function unreachable(where: string, cause: unknown): CliError {
  const reason = cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : cause
  return new CliError(
    EXIT.unreachable,
    `${where} does not answer (${String(reason)}): is it running? careseal status`,
    {
      cause,
    },
  )
}
