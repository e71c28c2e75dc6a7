import { parseBundle } from '@careseal/ledger-core'
import { CliError, EXIT } from '../exit.js'

/** The first `width` entries of a bundle. Throws (verification), naming it, for what is none or holds fewer. */
export function entriesIn(path: string, bytes: Uint8Array, width: number): Uint8Array[] {
  const entries = parsed(path, bytes)
  if (entries.length >= width) return entries.slice(0, width)
  throw new CliError(EXIT.verification, `NOT verified: ${path} holds ${entries.length} entries of ${width}`)
}

function parsed(path: string, bytes: Uint8Array): Uint8Array[] {
  try {
    return parseBundle(bytes)
  } catch (error) {
    throw new CliError(EXIT.verification, `NOT verified: ${path} is damaged: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
