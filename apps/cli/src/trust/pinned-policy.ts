// Policies that a verifier made its own: pinned once, they count for every later check of the logs that they name.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { parsePolicy, readCheckpoint, type Trust } from '@careseal/ledger-core'
import { CliError, EXIT } from '../exit.js'
import { configFolder, fileNameOf, writeOwn } from './own-folders.js'

/** Pins a policy for every log that it names. Returns their origins. Throws for a text that is no policy, or names none. */
export function pinPolicy(text: string): string[] {
  const origins = [...new Set(parsePolicy(sha256, text).logs.map(({ vkey }) => vkey.name))]
  if (origins.length === 0) throw new Error('it names no log: add a line "log" with the vkey of the log that you trust')
  for (const origin of origins) pin(pinnedFile(origin), text)
  return origins
}

function pin(file: string, text: string): void {
  try {
    writeOwn(file, text)
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException
    const told = `${dirname(file)} cannot be written (${code}): mend that, or name another folder with XDG_CONFIG_HOME`
    throw new CliError(EXIT.failure, told, { cause: error })
  }
}

/** Where the policy for a log is pinned, if it is. */
export function pinnedFile(origin: string): string {
  return join(configFolder(), 'policies', `${fileNameOf(origin)}.policy`)
}

/** The trust that was pinned for the log that a signed note speaks for; null if there is none, or the note is none. */
export function pinnedTrust(note: string): Trust | null {
  const origin = originIn(note)
  const file = origin === null ? null : pinnedFile(origin)
  if (file === null || !existsSync(file)) return null
  try {
    return { policy: parsePolicy(sha256, readFileSync(file, 'utf8')) }
  } catch (error) {
    throw new CliError(EXIT.usage, `${file}: ${(error as Error).message}; pin it anew`, { cause: error })
  }
}

function originIn(note: string): string | null {
  try {
    return readCheckpoint(note).origin
  } catch {
    return null
  }
}
