// Log lines as JSON on stdout, one each; `alarm` is set on those that a person should look at.

export type Level = 'info' | 'warn' | 'error'
export type Log = (level: Level, message: string, facts?: Readonly<Record<string, unknown>>) => void

/** Errors among the facts are told by code and message, without a stack. */
export function logTo(write: (line: string) => void, now: () => Date): Log {
  return (level, message, facts = {}) => {
    const told = Object.entries(facts).map(([name, value]) => [name, value instanceof Error ? reasonOf(value) : value])
    const line = { time: now().toISOString(), level, message, ...(Object.fromEntries(told) as object) }
    write(`${JSON.stringify(line)}\n`)
  }
}

/** What went wrong, in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as NodeJS.ErrnoException
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : ''
  return `${code !== undefined && !error.message.includes(code) ? `${code}: ` : ''}${error.message}${cause}`
}
