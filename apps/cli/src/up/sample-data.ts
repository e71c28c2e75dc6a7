// What a new demo holds: bundles of a folder, or patients that are made up here. What is imported is written down, so
// that a second start goes on instead of beginning again.
import { createHash } from 'node:crypto'
import { patientBundle } from '@careseal/synthetic'
import { createPeopleLogins, demoPeopleAt, type CaresealStack, type DataDir } from '@careseal/stack'
import { cachedToken } from '../import/cached-token.js'
import { fileSource, importBundles, type ImportSummary, type Source, type StoredBundle } from '../import/importer.js'
import { sourceFiles } from '../import/source-files.js'

/** How many patients a demo without a folder begins with. */
export const SAMPLE_PATIENTS = 8
const SEED = 'careseal-sample'
const FILE = 'imported.json'

/** The bundles to import: of a folder, else made up. */
export function sampleSources(folder: string | undefined): { sources: Source[]; skipped: number } {
  if (folder === undefined) {
    return { sources: Array.from({ length: SAMPLE_PATIENTS }, (_, index) => syntheticSource(index)), skipped: 0 }
  }
  const { files, skipped } = sourceFiles([folder])
  return { sources: files.map(fileSource), skipped: skipped.length }
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

/** Content hash → the locations that the import of this content made. */
type Imported = Record<string, string[]>

export type LoadOptions = {
  sources: Source[]
  onProgress: (done: { files: number; resources: number }) => void
}

/** Imports what was not imported before, as the hospital's system; then links the demo's people to it. */
export async function loadSample(stack: CaresealStack, options: LoadOptions): Promise<ImportSummary> {
  const imported = readImported(stack.dataDir)
  const token = cachedToken(async () => ({ token: await stack.tokenFor('hospital'), expiresInSeconds: 240 }))
  const summary = await importBundles(options.sources, {
    origin: stack.origin,
    token,
    known: (hash) => imported[hash] ?? null,
    onProgress: options.onProgress,
    onStored: ({ hash, locations }: StoredBundle) => {
      imported[hash] = locations
      stack.dataDir.writeJson(FILE, imported)
    },
  })
  if (stack.demo) await createPeopleLogins(stack, demoPeopleAt(Object.values(imported).flat()))
  return summary
}

function readImported(dataDir: DataDir): Imported {
  return dataDir.readJson<Imported>(FILE) ?? {}
}

/** True when this data folder has imported nothing yet. */
export function isWithoutSample(dataDir: DataDir): boolean {
  return Object.keys(readImported(dataDir)).length === 0
}
