// An export: the C2SP tiles layout in a folder, as any static mirror of the log serves it.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, EXIT } from '../exit.js'
import { entriesIn } from './bundle-bytes.js'

const BUNDLE_WIDTH = 256

/** The checkpoint of an export. Throws (usage) if the folder holds none. */
export function exportedCheckpoint(folder: string): string {
  const file = join(folder, 'checkpoint')
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    throw new CliError(EXIT.usage, `there is no folder ${folder}`)
  if (!existsSync(file)) throw new CliError(EXIT.usage, `${folder} is no export of a ledger: it has no checkpoint`)
  return readFileSync(file, 'utf8')
}

/** A bundle of a folder that cannot be read as one, or holds too few entries. */
export class DamagedBundle extends CliError {
  constructor(
    readonly firstEntry: number,
    cause: CliError,
  ) {
    super(cause.exitCode, cause.message, { cause })
  }
}

/** Entries of an export, in order, up to `size`; ends early where a bundle is missing. Throws DamagedBundle. */
export function* exportedEntries(folder: string, size: number): Generator<Uint8Array> {
  for (let index = 0; index * BUNDLE_WIDTH < size; index++) {
    const width = Math.min(BUNDLE_WIDTH, size - index * BUNDLE_WIDTH)
    const path = [bundlePath(index), `${bundlePath(index)}.p/${width}`]
      .map((bundle) => join('tile', 'entries', bundle))
      .find((each) => existsSync(join(folder, each)))
    if (path === undefined || !statSync(join(folder, path)).isFile()) return
    yield* bundleOf(folder, path, { index, width })
  }
}

function bundleOf(folder: string, path: string, { index, width }: { index: number; width: number }): Uint8Array[] {
  try {
    return entriesIn(path, readFileSync(join(folder, path)), width)
  } catch (error) {
    if (error instanceof CliError) throw new DamagedBundle(index * BUNDLE_WIDTH, error)
    throw error
  }
}

/** C2SP tlog-tiles: groups of three digits, all but the last with an x before them. */
export function bundlePath(index: number): string {
  const digits = String(index)
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0')
  const groups = padded.match(/\d{3}/g) ?? []
  return groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join('/')
}
