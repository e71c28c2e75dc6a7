// Copies a ledger into a folder over its public API: what a static mirror of the log would serve, byte for byte. The copy
// is verified before it has a checkpoint, so the checkpoint of an export never speaks for more than was verified.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Trust } from '@careseal/ledger-core'
import { levelSize, tilePath, TILE_WIDTH, type Tile } from '@careseal/merkle'
import { writeDurably } from '@careseal/stack'
import { CliError, EXIT } from '../exit.js'
import { reasonOf, request } from '../http.js'
import { pinnedTrust } from '../trust/pinned-policy.js'
import { fetchCheckpoint, fetchVkeys } from '../verify/ledger-client.js'
import { sizeOf } from '../verify/verify-ledger.js'
import { checkFolder } from './checked-folder.js'

export type ExportOptions = {
  origin: string
  folder: string
  /** Whose checkpoints count; null believes the keys that the genesis names. */
  trust: Trust | null
  onProgress: (step: 'tiles fetched' | 'entries verified', done: number, total: number) => void
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
export async function exportLedger({ origin, folder, trust, onProgress }: ExportOptions): Promise<ExportSummary> {
  const vkeys = `${(await fetchVkeys(origin)).join('\n')}\n`
  claim(folder, vkeys)
  const note = await fetchCheckpoint(origin)
  const size = readableSize(note)
  const isMissing = (tile: Tile) => !existsSync(join(folder, tilePath(tile)))
  const total = countOf(tilesOf(size), isMissing)
  let done = 0
  await inParallel(tilesOf(size), async (tile) => {
    if (!isMissing(tile)) return
    await copyTile(origin, folder, tile)
    onProgress('tiles fetched', ++done, total)
  })
  const checked = (verified: number) => onProgress('entries verified', verified, size)
  await checkFolder({ folder, note, size, trust: trust ?? pinnedTrust(note), onProgress: checked })
  writePublic(join(folder, 'checkpoint'), note)
  return { entries: size, files: done }
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
    throw new CliError(
      EXIT.usage,
      `${folder} holds another log (${nameIn(held)}), or its keys have changed since: name an empty folder`,
    )
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

/** Every bundle and tile that a tree of this size has: bundles first, level by level; never all of them in memory. */
function* tilesOf(size: number): Generator<Tile> {
  yield* tilesOfLevel('entries', size)
  for (let level = 0; levelSize(size, level) > 0; level++) yield* tilesOfLevel(level, levelSize(size, level))
}

function* tilesOfLevel(level: Tile['level'], count: number): Generator<Tile> {
  for (let index = 0; index * TILE_WIDTH < count; index++) {
    yield { level, index, width: Math.min(TILE_WIDTH, count - index * TILE_WIDTH) }
  }
}

function countOf<T>(items: Iterable<T>, counts: (item: T) => boolean): number {
  let count = 0
  for (const item of items) if (counts(item)) count += 1
  return count
}

async function copyTile(origin: string, folder: string, tile: Tile): Promise<void> {
  const path = tilePath(tile)
  const response = await request(`${origin}/ledger/${path}`, { attempts: ATTEMPTS })
  if (!response.ok) throw new CliError(EXIT.failure, `${path}: ${reasonOf(response.status, await response.text())}`)
  writePublic(join(folder, path), Buffer.from(await response.arrayBuffer()))
  // What was partial and is full now is of no use to anybody.
  if (tile.width === TILE_WIDTH) rmSync(join(folder, `${path}.p`), { recursive: true, force: true })
}

async function inParallel<T>(items: Generator<T>, work: (item: T) => Promise<void>): Promise<void> {
  const worker = async () => {
    // By hand: a loop that ends early would end the generator for all others.
    for (let next = items.next(); !next.done; next = items.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}
