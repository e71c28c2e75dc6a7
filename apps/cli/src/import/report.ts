import type { Terminal } from '../terminal/terminal.js'
import { table } from '../terminal/box.js'
import type { ImportProgress, ImportSummary } from './importer.js'

/** Shows what was stored and, on the terminal alone, what was refused: by number, hash and name, with the reason. */
export function reportImport(terminal: Terminal, summary: Pick<ImportSummary, 'fileCount' | 'refusals'>): void {
  const { red, bold, dim } = terminal.noteColors
  if (summary.refusals.length === 0) return
  terminal.warn(red(bold(`${summary.refusals.length} of ${summary.fileCount} files were refused:`)))
  for (const { number, name, hash, reason } of summary.refusals) {
    terminal.warn(`  ${number}. ${dim(hash.slice(0, 12) || '-')} ${name}: ${reason}`)
  }
}

/** What is told beside the number of files while an import goes on. */
export function progressDetail({ resources, before }: ImportProgress): string {
  return `${resources} resources${before > 0 ? `, ${before} bundles were here before` : ''}`
}

/** One line of figures; what an earlier import has stored makes no rate. */
export function importFigures({ resourceCount, storedCount, before, seconds }: ImportSummary): string {
  const resources = resourceCount - before.resources
  const rate = seconds > 0 ? Math.round(resources / seconds) : 0
  const now = `${resources} resources of ${storedCount - before.bundles} bundles in ${seconds.toFixed(1)} s (${rate}/s)`
  if (before.bundles === 0) return now
  return `${now}; ${before.resources} resources of ${before.bundles} bundles were here before`
}

/** Rows `type  stored  in source`, for people. */
export function countRows(summary: ImportSummary): string[] {
  const types = [...new Set([...summary.sourceCountsByType.keys(), ...summary.countsByType.keys()])].toSorted()
  const rows = types.map((type) => [
    type,
    String(summary.countsByType.get(type) ?? 0),
    String(summary.sourceCountsByType.get(type) ?? 0),
  ])
  return table([['type', 'stored', 'in source'], ...rows])
}

/** The summary as JSON: no file names, for they may hold a person's. */
export function summaryJson(summary: ImportSummary) {
  return {
    files: summary.fileCount,
    stored: summary.storedCount,
    resources: summary.resourceCount,
    before: summary.before,
    countsByType: Object.fromEntries([...summary.countsByType].toSorted()),
    sourceCountsByType: Object.fromEntries([...summary.sourceCountsByType].toSorted()),
    refused: summary.refusals.map(({ number, hash, reason }) => ({ number, hash, reason })),
    seconds: Number(summary.seconds.toFixed(3)),
  }
}
