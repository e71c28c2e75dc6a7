// The table of docs/reliability.md, made from the record of the long run: nobody writes a figure by hand.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../support/careseal.js'
import { FAULT_KINDS } from '../faults/kinds.js'
import { EVENTS_REQUIRED, REQUIRED, sumOf } from './parts.js'
import { eventsOf, type FaultRuns } from './record.js'

const DOCUMENT = join(REPOSITORY, 'docs', 'reliability.md')
const BETWEEN = /(<!-- fault-runs -->\n)[^]*(<!-- end of fault-runs -->)/

/** Puts the table of this record into the document. */
export function writeTable(record: FaultRuns): void {
  writeFileSync(DOCUMENT, withTable(readFileSync(DOCUMENT, 'utf8'), record))
}

/** True when the document shows this record. */
export function showsTable(record: FaultRuns): boolean {
  const text = readFileSync(DOCUMENT, 'utf8')
  return withTable(text, record) === text
}

function withTable(text: string, record: FaultRuns): string {
  if (!BETWEEN.test(text)) throw new Error(`${DOCUMENT} has lost the marks between which the table stands`)
  return text.replace(BETWEEN, (_all, begin: string, end: string) => `${begin}\n${tableOf(record)}\n\n${end}`)
}

/** What was asked for and what was done, then the single kinds. */
function tableOf({ parts }: FaultRuns): string {
  const counts = parts.map((part) => part.counts)
  const rows = [
    ...REQUIRED.map(({ name, kinds, count }) => [name, String(count), String(sumOf(counts, kinds))]),
    ['acknowledged events', String(EVENTS_REQUIRED), String(eventsOf(parts))],
    ['violations', '0', String(parts.reduce((sum, { violations }) => sum + violations.length, 0))],
  ]
  const kinds = FAULT_KINDS.map((kind) => [`\`${kind}\``, String(sumOf(counts, [kind]))])
  return [...aligned([['', 'at least', 'done'], ...rows]), '', ...aligned([['kind', 'times'], ...kinds])].join('\n')
}

// As the formatter of this repository writes tables.
function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)))
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)]
}
