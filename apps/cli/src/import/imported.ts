// What a data folder has imported, so that a second start goes on instead of beginning again: a line for each bundle.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { DataDir } from '@careseal/stack'

const FILE = 'imported.jsonl'
/** Where earlier versions kept all of it as one object, which is still read. */
const EARLIER_FILE = 'imported.json'

/** Content hash → the locations that the import of this content made. */
export type Imported = Map<string, string[]>
type Line = { hash: string; locations: string[] }

export function readImported(dataDir: DataDir): Imported {
  const earlier = dataDir.readJson<Record<string, string[]>>(EARLIER_FILE) ?? {}
  const file = dataDir.path(FILE)
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  return new Map([...Object.entries(earlier), ...lines.flatMap(entriesOf)])
}

/** Writes down that a bundle is stored. What a power cut takes of it is sent again, which stores nothing twice. */
export function noteImported(dataDir: DataDir, { hash, locations }: Line): void {
  // The line end comes first: a line that a crash has torn stays by itself.
  appendFileSync(dataDir.path(FILE), `\n${JSON.stringify({ hash, locations })}`, { mode: 0o600 })
}

function entriesOf(line: string): [string, string[]][] {
  try {
    const { hash, locations } = JSON.parse(line) as Line
    return [[hash, locations]]
  } catch {
    return []
  }
}
