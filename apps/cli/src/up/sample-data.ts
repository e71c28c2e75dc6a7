// What a new demo holds: bundles of a folder, or patients that are made up here; and its people, linked to those.
import { createHash } from 'node:crypto'
import { patientBundle } from '@careseal/synthetic'
import { createPeopleLogins, demoPeopleAt, type CaresealStack, type DataDir } from '@careseal/stack'
import { reachedToken } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { cachedToken, TOKEN_ATTEMPTS } from '../import/cached-token.js'
import { fileSource, importBundles } from '../import/importer.js'
import type { ImportProgress, ImportSummary, Source, StoredBundle } from '../import/importer.js'
import { sourceFiles } from '../import/source-files.js'
import { noteImported, readImported, readLoaded } from '../import/imported.js'

/** How many patients a demo without a folder begins with. */
export const SAMPLE_PATIENTS = 8
const SEED = 'careseal-sample'
/** There once the demo's people are linked to what was imported. */
const LINKED_FILE = 'people-linked.json'

export type Sample = { sources: Source[]; skipped: number; isFolder: boolean }

/** The bundles to import: of a folder, else made up. Throws (usage) for a folder without any. */
export function sampleSources(folder: string | undefined): Sample {
  if (folder === undefined) {
    const sources = Array.from({ length: SAMPLE_PATIENTS }, (_, index) => syntheticSource(index))
    return { sources, skipped: 0, isFolder: false }
  }
  const { files, skipped } = sourceFiles([folder])
  if (files.length === 0) throw new CliError(EXIT.usage, `there is no .json file in ${folder}`)
  return { sources: files.map(fileSource), skipped: skipped.length, isFolder: true }
}

function syntheticSource(index: number): Source {
  return {
    name: `synthetic patient ${index + 1}`,
    read: () => {
      const bundle = patientBundle({ seed: SEED, index })
      const bytes = Buffer.from(JSON.stringify(bundle))
      const countsByType = new Map<string, number>()
      for (const { resource } of bundle.entry) {
        countsByType.set(resource.resourceType, (countsByType.get(resource.resourceType) ?? 0) + 1)
      }
      const hash = createHash('sha256').update(bytes).digest('hex')
      return { bytes, hash, entryCount: bundle.entry.length, countsByType }
    },
  }
}

export type LoadOptions = {
  sources: Source[]
  onProgress: (done: ImportProgress) => void
}

/** Imports what was not imported before, as the hospital's system; then links the demo's people to what starts loaded. */
export async function loadSample(stack: CaresealStack, options: LoadOptions): Promise<ImportSummary> {
  const [imported, loaded] = [readImported(stack.dataDir), readLoaded(stack.dataDir)]
  const asked = { origin: stack.origin, attempts: TOKEN_ATTEMPTS }
  const token = cachedToken(async () => {
    const lent = await reachedToken(() => stack.tokenFor('hospital'), asked)
    return { token: lent, expiresInSeconds: 240 }
  })
  const summary = await importBundles(options.sources, {
    origin: stack.origin,
    token,
    known: (hash) => imported.get(hash) ?? null,
    onProgress: options.onProgress,
    onStored: ({ hash, locations }: StoredBundle) => {
      if (loaded.has(hash)) return
      loaded.set(hash, locations)
      noteImported(stack.dataDir, { hash, locations })
    },
  })
  if (!stack.demo) return summary
  await createPeopleLogins(stack, demoPeopleAt([...loaded.values()].flat()))
  // If we crash before this, the next start imports what is missing and links again, which makes nothing twice.
  stack.dataDir.writeJson(LINKED_FILE, { v: 1 })
  return summary
}

/**
 * What a start without a folder has to load: null once the demo's people are linked, and no source where a start loaded
 * something else than the made-up patients, whose people alone have to be linked.
 */
export function missingSample(dataDir: DataDir, madeUp: Source[]): Source[] | null {
  if (dataDir.readJson(LINKED_FILE) !== null) return null
  const hashes = new Set(madeUp.map((source) => source.read().hash))
  const isOfFolder = [...readLoaded(dataDir).keys()].some((hash) => !hashes.has(hash))
  return isOfFolder ? [] : madeUp
}
