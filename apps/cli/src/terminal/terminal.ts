// Data goes to stdout, everything else to stderr; colours and moving lines only where a person is looking.
import { createColors } from 'picocolors'

export type OutputOptions = { json?: boolean | undefined; quiet?: boolean | undefined }

export type Colors = ReturnType<typeof createColors>

/** Where a command writes. */
export type Terminal = {
  readonly isJson: boolean
  readonly isInteractive: boolean
  /** For data. */
  readonly colors: Colors
  /** For notes and warnings: somebody may look at these while data goes to a file, or the other way round. */
  readonly noteColors: Colors
  /** Data: text for people, or one JSON document with `--json`. */
  data(text: string, json: unknown): void
  /** One line about what goes on; nothing with `--quiet`. */
  note(line: string): void
  /** One line that must be seen even with `--quiet`. */
  warn(line: string): void
}

const err = (line: string) => void process.stderr.write(`${line}\n`)

export function terminalOf({ json, quiet }: OutputOptions): Terminal {
  const mayMove = process.env['TERM'] !== 'dumb'
  const isInteractive = Boolean(process.stderr.isTTY) && !quiet && mayMove
  const mayColor = mayMove && !process.env['NO_COLOR']
  return {
    isJson: Boolean(json),
    isInteractive,
    colors: createColors(Boolean(process.stdout.isTTY) && mayColor),
    noteColors: createColors(isInteractive && mayColor),
    data: (text, value) => void process.stdout.write(`${json ? JSON.stringify(value) : text}\n`),
    note: quiet ? () => {} : err,
    warn: err,
  }
}
