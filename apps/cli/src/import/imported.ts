// What the ledger of a data folder holds by imports, whoever made them: a line for each bundle. A server knows a repeat for
// a day, and only of the same login; here it is known for good.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { DataDir } from '@careseal/stack'
import type { ImportOptions } from './importer.js'

const FILE = 'imported.jsonl'
/** Where earlier versions kept all of it as one object, which is still read. */
const EARLIER_FILE = 'imported.json'

/** Content hash → the locations that the import of this content made. */
export type Imported = Map<string, string[]>
/** `byHand`: by `careseal import`, not as the data that a start was given or made up. */
type Line = { hash: string; locations: string[]; byHand?: true }

/** All that was imported, by a start or by hand. */
export function readImported(dataDir: DataDir): Imported {
  return importedIn(dataDir, () => true)
}

/** What starts have loaded: whom the people of a demo may be linked to. */
export function readLoaded(dataDir: DataDir): Imported {
  return importedIn(dataDir, ({ byHand }) => !byHand)
}

function importedIn(dataDir: DataDir, isMeant: (line: Line) => boolean): Imported {
  const earlier = dataDir.readJson<Record<string, string[]>>(EARLIER_FILE) ?? {}
  const file = dataDir.path(FILE)
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  const meant = lines.flatMap(lineOf).filter(isMeant)
  return new Map([
    ...Object.entries(earlier),
    ...meant.map(({ hash, locations }): [string, string[]] => [hash, locations]),
  ])
}

/** Writes down that a bundle is stored. What a power cut takes of it is sent again, which the server knows for a day. */
export function noteImported(dataDir: DataDir, { hash, locations, byHand }: Line): void {
  const line = { hash, locations, ...(byHand ? { byHand } : {}) }
  // The line end comes first: a line that a crash has torn stays by itself.
  appendFileSync(dataDir.path(FILE), `\n${JSON.stringify(line)}`, { mode: 0o600 })
}

/** For an import by hand: nothing is sent that the folder's ledger holds already, and what is stored now is written down. */
export function memoryOf(dataDir: DataDir): Required<Pick<ImportOptions, 'known' | 'onStored'>> {
  const imported = readImported(dataDir)
  return {
    known: (hash) => imported.get(hash) ?? null,
    onStored: ({ hash, locations }) => {
      if (imported.has(hash)) return
      imported.set(hash, locations)
      noteImported(dataDir, { hash, locations, byHand: true })
    },
  }
}

function lineOf(text: string): Line[] {
  try {
    const { hash, locations, byHand } = JSON.parse(text) as Line
    return [{ hash, locations, ...(byHand ? { byHand } : {}) }]
  } catch {
    return []
  }
}
