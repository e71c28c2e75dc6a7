// Sends bundles to a ledger, a few at a time. A repeat is harmless: the key of each request is the content's hash, so
// the server answers a bundle that it has already as it did the first time.
import { basename } from 'node:path'
import { isAway, reasonOf, refusalOf, request } from '../http.js'
import { inParallel } from '../in-parallel.js'
import { readBundleFile, type BundleFile } from './bundle-file.js'

export type ImportOptions = {
  origin: string
  /** A token that is valid now; asked before each request. */
  token: () => Promise<string>
  concurrency?: number
  /** The locations that a content (by its hash) was stored at before; it is then not sent again. */
  known?: (hash: string) => string[] | null
  onProgress?: (done: { files: number; resources: number }) => void
  /** Told of each bundle that was stored whole. */
  onStored?: (stored: StoredBundle) => void
}

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
const ATTEMPTS = 8
const DEADLINE_MS = 120_000

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

/** Imports all sources, going on where one is refused. Throws only when the server cannot be reached, or stays away. */
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
    options.onProgress?.({ files: doneCount, resources: summary.resourceCount })
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
  const answer = known ? { locations: known, reason: null } : await send(file, options, signal)
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

type Answer = { locations: string[]; reason: string | null }

async function send(file: BundleFile, { origin, token }: ImportOptions, signal: AbortSignal): Promise<Answer> {
  const response = await request(`${origin}/fhir`, {
    method: 'POST',
    body: file.bytes,
    headers: {
      authorization: `Bearer ${await token()}`,
      'content-type': 'application/fhir+json',
      accept: 'application/fhir+json',
      prefer: 'return=minimal',
      'idempotency-key': file.hash,
    },
    attempts: ATTEMPTS,
    deadlineMs: DEADLINE_MS,
    signal,
  })
  const text = await response.text()
  // No verdict on this file: the others would come to the same, each after as long a wait.
  if (isAway(response.status)) throw refusalOf(`${origin}/fhir`, response.status, text)
  if (!response.ok) return { locations: [], reason: reasonOf(response.status, text) }
  const answer = parsed(text)
  if (!answer) return { locations: [], reason: `${origin} answered ${response.status} without JSON` }
  // What became of the rest nobody knows: a repeat is harmless.
  const given = Array.isArray(answer.entry) ? answer.entry.length : 0
  if (given === file.entryCount) return answerOf(answer)
  const told = `${origin} answered ${response.status} for ${given} of ${file.entryCount} entries`
  return { locations: [], reason: `${told}: is this the address of a ledger?` }
}

// A proxy's page, for example: what became of the bundle nobody knows, and a repeat is harmless.
function parsed(text: string): ResponseBundle | null {
  try {
    return JSON.parse(text) as ResponseBundle | null
  } catch {
    return null
  }
}

type ResponseBundle = { entry?: ({ response?: { status?: unknown; location?: unknown } | null } | null)[] }

const isStored = (status: unknown) => typeof status === 'string' && status.startsWith('2')

// A batch may be stored in part: what was refused of it counts as a refusal of the file, what was stored as stored.
function answerOf(bundle: ResponseBundle): Answer {
  const responses = (bundle.entry ?? []).map((entry) => entry?.response ?? {})
  const locations = responses.flatMap(({ status, location }) =>
    isStored(status) && typeof location === 'string' && location ? [location] : [],
  )
  const refusedAt = responses.findIndex(({ status }) => !isStored(status))
  if (refusedAt < 0) return { locations, reason: null }
  const refusedCount = responses.filter(({ status }) => !isStored(status)).length
  const told = responses[refusedAt]?.status
  const status = typeof told === 'string' ? told : 'no status'
  return {
    locations,
    reason: `${refusedCount} of ${responses.length} entries refused, first entry ${refusedAt}: ${status}`,
  }
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
