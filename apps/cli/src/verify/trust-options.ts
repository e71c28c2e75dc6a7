// Whom the user believes: a policy file, or verifier keys; without either, the log keys that the genesis names.
import { sha256 } from '@careseal/crypto'
import { parsePolicy, parseVkey, type Trust } from '@careseal/ledger-core'
import { readFileSync } from 'node:fs'
import { CliError, EXIT } from '../exit.js'

export type TrustOptions = { vkey?: string[]; policy?: string }

/** The trust that options express, or null when they express none. Throws (usage) for a key or policy that is none. */
export function trustOf({ vkey = [], policy }: TrustOptions): Trust | null {
  if (vkey.length > 0 && policy !== undefined) throw new CliError(EXIT.usage, 'give --vkey or --policy, not both')
  if (policy !== undefined) return { policy: parsed('--policy', () => parsePolicy(sha256, readText(policy))) }
  if (vkey.length === 0) return null
  const logVkeys = vkey.flatMap((one) => (one.includes('+') ? [one] : readText(one).split('\n').filter(Boolean)))
  for (const one of logVkeys) parsed('--vkey', () => parseVkey(sha256, one))
  return { logVkeys }
}

/** A text file that the user named. Throws (usage) if it cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CliError(EXIT.usage, `cannot read ${path} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
}

function parsed<T>(option: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new CliError(EXIT.usage, `${option}: ${(error as Error).message}`, { cause: error })
  }
}
