// Copies a ledger into a folder over its public API: what a static mirror of the log would serve, byte for byte. The copy
// is verified before it has a checkpoint, so the checkpoint of an export never speaks for more than was verified.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as othersTurn } from 'node:timers/promises'
import { sha256 } from '@careseal/crypto'
import { CheckpointRefused, parseVkey, verifyCheckpoint, type Trust } from '@careseal/ledger-core'
import { HASH_BYTES, levelSize, tilePath, TILE_WIDTH, type Tile } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { refusalOf, request } from '../http.js'
import { inParallel } from '../in-parallel.js'
import { pinnedTrust } from '../trust/pinned-policy.js'
import { entriesIn } from '../verify/bundle-bytes.js'
import { fetchCheckpoint, fetchConsistency, fetchVkeys } from '../verify/ledger-client.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { describeFault, sizeOf } from '../verify/verify-ledger.js'
import { checkFolder } from './checked-folder.js'
import { continuesBundle, heldIn, isWhole, removeBeyond, requireSigned, type Held } from './held-ledger.js'
import { writePublic } from './public-file.js'
import { isProvenToFollow, NotContinued, refusedHistory, requireMayFollow, type Succession } from './refused-history.js'
import { tileCount, tilesOf } from './tiles-of.js'

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
/** After so many files that are there, others get their turn and the user hears of it. */
const LOOKS_AT_ONCE = 4096

/**
 * Brings a folder up to the ledger's published checkpoint. A repeat goes on where the last run ended, and fetches nothing
 * that is there: what a full tile holds never changes.
 *
 * Throws (verification) for a ledger that does not continue what the folder holds under its own checkpoint: all of that
 * stays, and both checkpoints are kept as evidence.
 *
 * If we crash here, the folder holds tiles beyond its checkpoint, which is written last: it is an export of the size
 * that its checkpoint says, or none yet.
 */
export async function exportLedger({ origin, folder, trust, onProgress }: ExportOptions): Promise<ExportSummary> {
  const note = await fetchCheckpoint(origin)
  const size = readableSize(note)
  const trusted = trust ?? pinnedTrust(note)
  // First: until it is believed, a checkpoint may name any size, and its server any keys.
  if (trusted) await requireBelieved(note, trusted)
  const logVkeys = readable(await fetchVkeys(origin))
  const vkeys = `${logVkeys.join('\n')}\n`
  requireOwn(folder, vkeys)
  const held = heldIn(folder)
  const consistency = (sizes: { from: number; to: number }) => fetchConsistency(origin, sizes)
  const succession = held && { folder, held, note, logVkeys, consistency }
  if (succession) await requireSuccession(succession)
  const files = await continuing(succession, async () => {
    const fetched = await fetchMissing({ origin, folder, vkeys, held }, size, onProgress)
    const checked = (verified: number) => onProgress('entries verified', verified, size)
    await checkFolder({ folder, note, size, trust: trusted, held, onProgress: checked })
    return fetched
  })
  removeOutgrown(folder, { from: held?.size ?? 0, to: size })
  claim(folder, vkeys)
  writePublic(join(folder, 'checkpoint'), note)
  return { entries: size, files }
}

// Before anything is fetched. The keys of both are those that the folder has had from the first file on.
async function requireSuccession(succession: Succession): Promise<void> {
  const { folder, held, note, logVkeys } = succession
  await requireSigned(folder, held, logVkeys)
  await requireBelieved(note, { logVkeys })
  await requireMayFollow(succession)
}

// What does not fit behind what is held was damaged on its way, or is another history: the ledger proves which.
async function continuing<T>(succession: Succession | null, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const isContinued = !(error instanceof NotContinued) || !succession || (await isProvenToFollow(succession))
    if (isContinued) throw error
    const what = 'it shows another history, or none that it can prove'
    const refusal = await refusedHistory(succession, what, { cause: error })
    removeBeyond(succession.folder, succession.held)
    throw refusal
  }
}

// What was partial and is full now is of no use to anybody, once a larger checkpoint speaks for it.
function removeOutgrown(folder: string, { from, to }: { from: number; to: number }): void {
  for (const tile of tilesOf(to)) {
    const isGrown = tile.width === TILE_WIDTH && Number(tile.index) >= firstGrown(tile.level, from)
    if (isGrown) rmSync(join(folder, `${tilePath(tile)}.p`), { recursive: true, force: true })
  }
}

function firstGrown(level: Tile['level'], size: number): number {
  return Math.floor(levelSize(size, level === 'entries' ? 0 : level) / TILE_WIDTH)
}

async function requireBelieved(note: string, trust: Trust): Promise<void> {
  try {
    await verifyCheckpoint(note, trust, PRIMITIVES)
  } catch (error) {
    if (!(error instanceof CheckpointRefused)) throw error
    const fault = describeFault({ code: 'checkpoint-refused', height: 0, index: 0, detail: error.code })
    throw new CliError(EXIT.verification, `NOT verified: ${fault}; nothing was fetched`, { cause: error })
  }
}

type Copying = { origin: string; folder: string; vkeys: string; held: Held | null }

// What is missing is counted while it is fetched: the first file of a size that is a lie, which nobody has, ends it.
async function fetchMissing(copying: Copying, size: number, onProgress: ExportOptions['onProgress']): Promise<number> {
  const all = tileCount(size)
  let [there, done] = [0, 0]
  await inParallel(tilesOf(size), AT_ONCE, async (tile, signal) => {
    if (existsSync(join(copying.folder, tilePath(tile)))) {
      there += 1
      if (there % LOOKS_AT_ONCE !== 0) return
      await othersTurn()
    } else {
      await copyTile(copying, tile, signal)
      done += 1
    }
    onProgress('tiles fetched', done, all - there)
  })
  return done
}

function readableSize(note: string): number {
  const size = sizeOf(note)
  if (size < Number.MAX_SAFE_INTEGER) return size
  throw new CliError(EXIT.failure, 'what should be the checkpoint is none: is this the address of a ledger?')
}

function readable(vkeys: string[]): string[] {
  try {
    for (const vkey of vkeys) parseVkey(sha256, vkey)
    return vkeys
  } catch (error) {
    const mend = 'is this the address of a ledger?'
    throw new CliError(EXIT.failure, `what should be the log's verifier keys are none: ${mend}`, { cause: error })
  }
}

// A folder that holds anything else is somebody's, and may be another log's.
function requireOwn(folder: string, vkeys: string): void {
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
}

// The keys are written before the first file, and not sooner: a folder that got nothing belongs to no log.
function claim(folder: string, vkeys: string): void {
  const file = join(folder, 'vkey')
  if (!existsSync(file)) writePublic(file, vkeys)
}

function nameIn(vkeys: string): string {
  return vkeys.slice(0, vkeys.indexOf('+'))
}

async function copyTile({ origin, folder, vkeys, held }: Copying, tile: Tile, signal: AbortSignal): Promise<void> {
  const path = tilePath(tile)
  const response = await request(`${origin}/ledger/${path}`, { attempts: ATTEMPTS, signal })
  if (!response.ok) throw refusalOf(path, response.status, await response.text())
  const bytes = new Uint8Array(await response.arrayBuffer())
  requireForm(tile, bytes)
  if (tile.level === 'entries' && held) requireContinued(folder, held, { index: Number(tile.index), bytes })
  claim(folder, vkeys)
  writePublic(join(folder, path), bytes)
}

// Whoever reads the folder takes a full bundle before a partial one: another history would hide what is held.
function requireContinued(folder: string, held: Held, bundle: { index: number; bytes: Uint8Array }): void {
  if (continuesBundle(folder, held, bundle) || !isWhole(folder, held)) return
  throw new NotContinued(
    `the bundle ${bundle.index} does not begin with the entries that ${folder} holds of it: nothing of it was taken`,
  )
}

// Whatever else answers with 200, such as a proxy's page, is not written.
function requireForm(tile: Tile, bytes: Uint8Array): void {
  const path = tilePath(tile)
  if (tile.level === 'entries') return void entriesIn(path, bytes, tile.width)
  if (bytes.length === tile.width * HASH_BYTES) return
  throw new CliError(EXIT.verification, `NOT verified: ${path} is no tile of ${tile.width} hashes`)
}
