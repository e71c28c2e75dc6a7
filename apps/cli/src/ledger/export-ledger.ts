// Copies a ledger into a folder over its public API: what a static mirror of the log would serve, byte for byte. Nothing
// is believed here; `verify --export` and `fsck --export` check the folder.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { partialTiles, TILE_WIDTH, levelSize, tilePath, type Tile } from '@careseal/merkle'
import { writeDurably } from '@careseal/stack'
import { CliError, EXIT } from '../exit.js'
import { reasonOf, request } from '../http.js'
import { fetchCheckpoint, fetchVkeys } from '../verify/ledger-client.js'
import { sizeOf } from '../verify/verify-ledger.js'

export type ExportOptions = {
  origin: string
  folder: string
  onProgress: (done: number, total: number) => void
}

/** How many entries the export holds, and how many files were fetched now. */
export type ExportSummary = { entries: number; files: number }

const AT_ONCE = 8
const ATTEMPTS = 6

/**
 * Brings a folder up to the ledger's published checkpoint. A repeat goes on where the last run ended, and fetches nothing
 * that is there: what a full tile holds never changes.
 *
 * If we crash here, the folder holds tiles beyond its checkpoint, which is written last: it is an export of the size
 * that its checkpoint says, or none yet.
 */
export async function exportLedger({ origin, folder, onProgress }: ExportOptions): Promise<ExportSummary> {
  const vkeys = `${(await fetchVkeys(origin)).join('\n')}\n`
  claim(folder, vkeys)
  const note = await fetchCheckpoint(origin)
  const size = readableSize(note)
  const missing = tilesOf(size).filter((tile) => !existsSync(join(folder, tilePath(tile))))
  let done = 0
  await inParallel(missing, async (tile) => {
    await copyTile(origin, folder, tile)
    onProgress(++done, missing.length)
  })
  writePublic(join(folder, 'checkpoint'), note)
  return { entries: size, files: missing.length }
}

function readableSize(note: string): number {
  const size = sizeOf(note)
  if (size < Number.MAX_SAFE_INTEGER) return size
  throw new CliError(EXIT.failure, 'what should be the checkpoint is none: is this the address of a ledger?')
}

// The keys are written first: a folder that holds anything else is somebody's, and may be another log's.
function claim(folder: string, vkeys: string): void {
  const file = join(folder, 'vkey')
  const held = existsSync(file) ? readFileSync(file, 'utf8') : null
  if (held === vkeys) return
  if (held !== null) {
    throw new CliError(EXIT.usage, `${folder} holds another log (${nameIn(held)}): name an empty folder`)
  }
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new CliError(EXIT.usage, `${folder} is not empty and no export of a ledger: name an empty folder`)
  }
  writePublic(file, vkeys)
}

function writePublic(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeDurably(file, content, { mode: 0o644 })
}

function nameIn(vkeys: string): string {
  return vkeys.slice(0, vkeys.indexOf('+'))
}

/** Every bundle and tile that a tree of this size has: bundles first, level by level. */
function tilesOf(size: number): Tile[] {
  const levels = partialTiles(size).flatMap(({ level }) => (level === 'entries' ? [] : [level]))
  const highest = Math.max(0, ...levels)
  const hashes = Array.from({ length: highest + 1 }, (_, level) => tilesOfLevel(level, levelSize(size, level)))
  return [...tilesOfLevel('entries', size), ...hashes.flat()]
}

function tilesOfLevel(level: Tile['level'], count: number): Tile[] {
  const full = Array.from({ length: Math.floor(count / TILE_WIDTH) }, (_, index) => {
    return { level, index, width: TILE_WIDTH }
  })
  const rest = count % TILE_WIDTH
  return rest > 0 ? [...full, { level, index: full.length, width: rest }] : full
}

async function copyTile(origin: string, folder: string, tile: Tile): Promise<void> {
  const path = tilePath(tile)
  const response = await request(`${origin}/ledger/${path}`, { attempts: ATTEMPTS })
  if (!response.ok) throw new CliError(EXIT.failure, `${path}: ${reasonOf(response.status, await response.text())}`)
  writePublic(join(folder, path), Buffer.from(await response.arrayBuffer()))
  // What was partial and is full now is of no use to anybody.
  if (tile.width === TILE_WIDTH) rmSync(join(folder, `${path}.p`), { recursive: true, force: true })
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  const worker = async () => {
    for (const item of rest) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
