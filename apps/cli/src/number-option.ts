// Numbers as options give them: in decimal digits, and no others.
import { InvalidArgumentError } from 'commander'

type Bounds = { from?: number; to?: number }

/** Reads a whole number; `kind` is what it is called in "must be …". */
export function wholeNumber(kind: string, bounds: Bounds = {}): (text: string) => number {
  return numberOption(/^\d+$/, kind, bounds)
}

/** Reads a time in seconds, which may have a fraction. */
export const seconds = numberOption(/^\d+(\.\d+)?$/, 'a number of seconds', {})

function numberOption(digits: RegExp, kind: string, { from = 0, to = Number.MAX_SAFE_INTEGER }: Bounds) {
  return (text: string): number => {
    const number = Number(text)
    if (digits.test(text) && number >= from && number <= to) return number
    throw new InvalidArgumentError(`must be ${kind}`)
  }
}
