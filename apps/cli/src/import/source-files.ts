import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { CliError, EXIT } from '../exit.js'

export type SourceFiles = {
  /** Files to import, in order of their names. */
  files: string[]
  /** Files of a folder that are left alone, for their names do not end in .json. */
  skipped: string[]
}

/** The files that arguments name: a file itself, of a folder every `.json` in it. Throws (usage) for what is not there. */
export function sourceFiles(paths: readonly string[]): SourceFiles {
  const found: SourceFiles = { files: [], skipped: [] }
  for (const path of paths) {
    if (!existsSync(path)) throw new CliError(EXIT.usage, `there is no ${path}`)
    if (statSync(path).isDirectory()) addFolder(path, found)
    else found.files.push(path)
  }
  return found
}

function addFolder(folder: string, found: SourceFiles): void {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => !entry.name.startsWith('.'))
  const names = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink()).map((entry) => entry.name)
  for (const name of names.toSorted()) {
    const list = name.toLowerCase().endsWith('.json') ? found.files : found.skipped
    list.push(join(folder, name))
  }
}
