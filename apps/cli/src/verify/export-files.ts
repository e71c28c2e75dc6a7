// An export: the C2SP tiles layout in a folder, as any static mirror of the log serves it.
import { parseBundle } from '@careseal/ledger-core'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, EXIT } from '../exit.js'

const BUNDLE_WIDTH = 256

/** The checkpoint of an export. Throws (usage) if the folder holds none. */
export function exportedCheckpoint(folder: string): string {
  const file = join(folder, 'checkpoint')
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new CliError(EXIT.usage, `there is no folder ${folder}`)
  if (!existsSync(file)) throw new CliError(EXIT.usage, `${folder} is no export of a ledger: it has no checkpoint`)
  return readFileSync(file, 'utf8')
}

/** Entries of an export, in order, up to `size`; ends early where a bundle is missing. */
export function* exportedEntries(folder: string, size: number): Generator<Uint8Array> {
  for (let index = 0; index * BUNDLE_WIDTH < size; index++) {
    const width = Math.min(BUNDLE_WIDTH, size - index * BUNDLE_WIDTH)
    const file = [bundlePath(index), `${bundlePath(index)}.p/${width}`]
      .map((path) => join(folder, 'tile', 'entries', path))
      .find(existsSync)
    if (!file || !statSync(file).isFile()) return
    yield* parseBundle(readFileSync(file)).slice(0, width)
  }
}

/** C2SP tlog-tiles: groups of three digits, all but the last with an x before them. */
export function bundlePath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}
