import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { writeDurably } from '@careseal/stack'

/** Writes a file of a copy of the ledger, for anybody to read and to serve; whole or not at all. */
export function writePublic(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeDurably(file, content, { mode: 0o644 })
}
