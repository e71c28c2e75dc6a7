/** Bytes or text that break a format. The message names the rule that is broken. */
export class Malformed extends Error {
  readonly code = 'malformed'
  override readonly name = 'Malformed'
}

/** What `read` answers; whatever it refuses becomes Malformed with `message`. */
export function orMalformed<T>(message: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw new Malformed(message)
  }
}

const DECIMAL = /^(0|[1-9]\d{0,15})$/

/** A decimal number below 2^53 without sign and leading zero. Throws Malformed. */
export function parseDecimal(text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw new Malformed('not a decimal number below 2^53')
  return value
}
