// The table of docs/reliability.md, made from the record of the long run: nobody writes a figure by hand.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../support/careseal.js'
import { FAULT_KINDS } from '../faults/kinds.js'
import { AREAS, sumOf, type Area } from './parts.js'
import { eventsOf, partsOf, type FaultRuns } from './record.js'

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

function tableOf(record: FaultRuns): string {
  return (Object.keys(AREAS) as Area[])
    .filter((area) => partsOf(record, area).length > 0)
    .map((area) => areaTables(record, area))
    .join('\n\n')
}

/** What was asked for and what was done, then the single kinds, then how long fail-overs took. */
function areaTables(record: FaultRuns, area: Area): string {
  const parts = partsOf(record, area)
  const counts = parts.map((part) => part.counts)
  const { required, eventsRequired } = AREAS[area]
  const rows = [
    ...required.map(({ name, kinds, count }) => [name, String(count), String(sumOf(counts, kinds))]),
    ['acknowledged events', String(eventsRequired), String(eventsOf(parts))],
    ['violations', '0', String(parts.reduce((sum, { violations }) => sum + violations.length, 0))],
  ]
  const struck = FAULT_KINDS.filter((kind) => sumOf(counts, [kind]) > 0)
  const kinds = struck.map((kind) => [`\`${kind}\``, String(sumOf(counts, [kind]))])
  const failOvers = parts.flatMap(({ name, failOverMs = {} }) =>
    Object.entries(failOverMs).map(([kind, { count, min, p50, p90, p99, max }]) => {
      return [name, `\`${kind}\``, ...[count, min, p50, p90, p99, max].map(String)]
    }),
  )
  const head = ['part', 'until a block of the next epoch, ms', 'n', 'min', 'p50', 'p90', 'p99', 'max']
  return [
    ...aligned([[area, 'at least', 'done'], ...rows]),
    '',
    ...aligned([['kind', 'times'], ...kinds]),
    ...(failOvers.length > 0 ? ['', ...aligned([head, ...failOvers])] : []),
  ].join('\n')
}

// As the formatter of this repository writes tables.
function aligned(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(3, ...rows.map((row) => row[column]!.length)))
  const line = (row: string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(rows[0]!), rule, ...rows.slice(1).map(line)]
}
