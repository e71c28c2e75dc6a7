// Writes results and what is made of them: JSON, a chart each, and the tables of docs/performance.md between its markers.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { format, resolveConfig } from 'prettier'
import { BENCHMARKS } from '../command-line.js'
import type { Result } from '../result.js'
import { chartOf } from './chart.js'
import { tablesOf } from './tables.js'

const DOCS = join(import.meta.dirname, '..', '..', '..', 'docs')
const FOLDER = join(DOCS, 'performance')
const DOCUMENT = join(DOCS, 'performance.md')
const BEGIN = '<!-- measured: npm run bench writes this -->'
const END = '<!-- end of measured -->'

export async function saveResult(result: Result): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  await write(join(FOLDER, `${result.name}.json`), JSON.stringify(result), 'json')
}

/** Tables and charts again, of all results that are there. */
export async function renderDocument(): Promise<void> {
  const results = savedResults()
  for (const result of results) writeFileSync(join(FOLDER, `${result.name}.svg`), chartOf(result))
  const text = readFileSync(DOCUMENT, 'utf8')
  await write(DOCUMENT, withGenerated(text, tablesOf(results)), 'markdown')
}

/** The document with another part between its markers. Throws when it has none. */
export function withGenerated(text: string, generated: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`docs/performance.md has lost its markers ${BEGIN} and ${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${generated}\n\n${text.slice(end)}`
}

export function savedResults(): Result[] {
  if (!existsSync(FOLDER)) return []
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'))
  const results = files.map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Result)
  return results.toSorted((a, b) => placeOf(a) - placeOf(b))
}

function placeOf({ name }: Result): number {
  return (BENCHMARKS as readonly string[]).indexOf(name)
}

async function write(file: string, text: string, parser: string): Promise<void> {
  writeFileSync(file, await format(text, { ...(await resolveConfig(file)), parser }))
}
