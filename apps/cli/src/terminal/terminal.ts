// Data goes to stdout, everything else to stderr; colours and moving lines only where a person is looking.
import { createColors } from 'picocolors'

export type OutputOptions = { json?: boolean | undefined; quiet?: boolean | undefined }

/** Where a command writes. */
export type Terminal = {
  readonly isJson: boolean
  readonly isInteractive: boolean
  readonly colors: ReturnType<typeof createColors>
  /** Data: text for people, or one JSON document with `--json`. */
  data(text: string, json: unknown): void
  /** One line about what goes on; nothing with `--quiet`. */
  note(line: string): void
  /** One line that must be seen even with `--quiet`. */
  warn(line: string): void
}

const err = (line: string) => void process.stderr.write(`${line}\n`)

export function terminalOf({ json, quiet }: OutputOptions): Terminal {
  const isInteractive = Boolean(process.stderr.isTTY) && !quiet && process.env['TERM'] !== 'dumb'
  return {
    isJson: Boolean(json),
    isInteractive,
    colors: createColors(isInteractive && !process.env['NO_COLOR']),
    data: (text, value) => void process.stdout.write(`${json ? JSON.stringify(value) : text}\n`),
    note: quiet ? () => {} : err,
    warn: err,
  }
}
