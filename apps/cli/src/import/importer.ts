// Brings bundles to a ledger, a few at a time, and adds up what became of them.
import { basename } from 'node:path'
import { inParallel } from '../in-parallel.js'
import { readBundleFile, type BundleFile } from './bundle-file.js'
import type { TokenSource } from './cached-token.js'
import { sendBundle } from './send-bundle.js'

export type ImportOptions = {
  origin: string
  /** Asked before each attempt of a request. */
  token: TokenSource
  concurrency?: number
  /** The locations that a content (by its hash) was stored at before; it is then not sent again. */
  known?: (hash: string) => string[] | null
  onProgress?: (done: ImportProgress) => void
  /** Told of each bundle that was stored whole. */
  onStored?: (stored: StoredBundle) => void
}

/** `before`: how many of the files an earlier import had stored. */
export type ImportProgress = { files: number; resources: number; before: number }

export type StoredBundle = { hash: string; countsByType: Map<string, number>; locations: string[] }

/** A bundle to import: a file, or one made in memory. */
export type Source = { name: string; read: () => BundleFile | { refused: string; hash: string } }

export type Refusal = { number: number; name: string; hash: string; reason: string }

export type ImportSummary = {
  fileCount: number
  storedCount: number
  resourceCount: number
  /** How much of both was stored by an earlier import already, and not sent again. */
  before: { bundles: number; resources: number }
  /** Resources stored, by type. */
  countsByType: Map<string, number>
  /** Resources in the sources that were sent, by type: equal to `countsByType` when nothing was refused. */
  sourceCountsByType: Map<string, number>
  refusals: Refusal[]
  seconds: number
}

const CONCURRENCY = 4

/** A file on disk as a source. */
export function fileSource(path: string): Source {
  return {
    name: basename(path),
    read: () => {
      try {
        return readBundleFile(path)
      } catch (error) {
        return { refused: `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, hash: '' }
      }
    },
  }
}

/**
 * Imports all sources, going on where one is refused. Throws only when the server cannot be reached, stays away, or accepts
 * no token: what was stored before stays.
 */
export async function importBundles(sources: readonly Source[], options: ImportOptions): Promise<ImportSummary> {
  const startedAt = performance.now()
  const summary: ImportSummary = {
    fileCount: sources.length,
    storedCount: 0,
    resourceCount: 0,
    before: { bundles: 0, resources: 0 },
    countsByType: new Map(),
    sourceCountsByType: new Map(),
    refusals: [],
    seconds: 0,
  }
  let doneCount = 0
  await inParallel(sources.entries(), options.concurrency ?? CONCURRENCY, async ([index, source], signal) => {
    await importOne(source, index + 1, { options, summary, signal })
    doneCount += 1
    options.onProgress?.({ files: doneCount, resources: summary.resourceCount, before: summary.before.bundles })
  })
  summary.refusals.sort((a, b) => a.number - b.number)
  summary.seconds = (performance.now() - startedAt) / 1000
  return summary
}

type Under = { options: ImportOptions; summary: ImportSummary; signal: AbortSignal }

async function importOne(source: Source, number: number, { options, summary, signal }: Under): Promise<void> {
  const file = source.read()
  if ('refused' in file) {
    summary.refusals.push({ number, name: source.name, hash: file.hash, reason: file.refused })
    return
  }
  addCounts(summary.sourceCountsByType, file.countsByType)
  const known = options.known?.(file.hash)
  const answer = known ? { locations: known, reason: null } : await sendBundle(file, options, signal)
  if (answer.reason) summary.refusals.push({ number, name: source.name, hash: file.hash, reason: answer.reason })
  if (answer.reason && answer.locations.length === 0) return
  const countsByType = typesOf(answer.locations)
  addCounts(summary.countsByType, countsByType)
  summary.resourceCount += answer.locations.length
  if (answer.reason) return
  summary.storedCount += 1
  if (known) {
    summary.before.bundles += 1
    summary.before.resources += known.length
  }
  options.onStored?.({ hash: file.hash, countsByType, locations: answer.locations })
}

function typesOf(locations: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const location of locations) {
    const type = /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/[^/]+)?$/.exec(location)?.[1] ?? '(unknown)'
    counts.set(type, (counts.get(type) ?? 0) + 1)
  }
  return counts
}

function addCounts(into: Map<string, number>, counts: Map<string, number>): void {
  for (const [type, count] of counts) into.set(type, (into.get(type) ?? 0) + count)
}
