// Where a verifier keeps what is its own, whoever runs the ledger: what it trusts, and what it has seen.
import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { writeDurably } from '@careseal/stack'

/** `$XDG_CONFIG_HOME/careseal`: pinned policies. */
export function configFolder(): string {
  return join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'careseal')
}

/** `$XDG_STATE_HOME/careseal`: last visits. */
export function stateFolder(): string {
  return join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'careseal')
}

/** A name for a log in a folder: an origin may hold what no file name may. */
export function fileNameOf(origin: string): string {
  return createHash('sha256').update(origin).digest('hex').slice(0, 32)
}

/** Writes a file whole or not at all, and its folders if need be. */
export function writeOwn(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeDurably(file, content)
}
