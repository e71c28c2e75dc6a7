// Whether a folder is an export of a ledger that verifies: its entries from the genesis on, and every tile made of them.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { verifyLedger, type Fault, type FaultCode, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { equalHashes, levelSize, TILE_WIDTH, tileAt, tilePath } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { DamagedBundle, exportedEntries } from '../verify/export-files.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { describeFault } from '../verify/verify-ledger.js'
import { isFileOf, isWhole, revisitOf, type Held } from './held-ledger.js'
import { NotContinued } from './refused-history.js'
import { Tiling, type TileFile } from './tiling.js'

export type CheckFolder = {
  folder: string
  /** The checkpoint up to which the folder is checked; it need not lie there yet. */
  note: string
  size: number
  trust: Trust | null
  /** What the folder held before, under a signed checkpoint. */
  held: Held | null
  onProgress: (done: number, total: number) => void
}

/** These are about signatures: the files are as they were made. */
const OF_CHECKPOINT: readonly FaultCode[] = ['checkpoint-refused', 'log-key-not-valid']

/**
 * The verdict on a folder that holds what a checkpoint covers. Throws (verification) for what does not fit, and removes
 * the files that it may be in: what was damaged on its way comes anew with the next export. What the folder held before
 * stays, if it is whole.
 *
 * Throws NotContinued where this is another history than the one that was held, or may be.
 */
export async function checkFolder(check: CheckFolder): Promise<Extract<LedgerVerdict, { ok: true }>> {
  const { note, size, trust, held, onProgress } = check
  const tiling = new Tiling((file) => requireSame(check, file))
  // A header is covered by the block after it: what a fault shows may lie in the block before it, too.
  let lastBlockFrom = 0
  const visit = revisitOf(held)
  const onBlock = ({ firstIndex }: { firstIndex: number }, tree: Parameters<typeof visit.onBlock>[0]) => {
    lastBlockFrom = firstIndex
    visit.onBlock(tree)
    onProgress(tree.size, size)
  }
  const verdict = await verifyLedger(
    { entries: tiling.through(entriesOf(check)), checkpoint: note },
    { ...PRIMITIVES, ...(trust ? { trust } : {}), onBlock },
  )
  if (!verdict.ok) throw faultIn(check, verdict.fault, lastBlockFrom)
  const since = visit.since(size, verdict.state.governance.retreats)
  if (since === 'forked' || since === 'retreated') throw new NotContinued('its first entries are not those held')
  tiling.end()
  return verdict
}

function faultIn(check: CheckFolder, fault: Fault, lastBlockFrom: number): CliError {
  const told = describeFault(fault)
  if (OF_CHECKPOINT.includes(fault.code)) return refused(check.folder, told)
  const spared = removeOver(check, lastBlockFrom, fault.index)
  return spared
    ? new NotContinued(`${told}, behind the ${spared.size} entries held, which are whole`)
    : refused(check.folder, told)
}

function* entriesOf(check: CheckFolder): Generator<Uint8Array> {
  try {
    yield* exportedEntries(check.folder, check.size)
  } catch (error) {
    if (error instanceof DamagedBundle) removeOver(check, error.firstEntry, error.firstEntry)
    throw error
  }
}

// A full tile does for a partial one: a folder may have grown past the checkpoint.
function requireSame(check: CheckFolder, { bytes, ...tile }: TileFile): void {
  const { folder } = check
  const paths = [tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH })]
  const path = paths.find((each) => existsSync(join(folder, each)))
  const stored = path === undefined ? null : readFileSync(join(folder, path)).subarray(0, bytes.length)
  if (stored && equalHashes(stored, bytes)) return
  // Which of the two is damaged nobody can say before the block has ended: the hashes, or the entries under them. Of a
  // tree that is held the entries are whole, or no checkpoint speaks for them.
  const first = Number(tile.index) * TILE_WIDTH
  const isHeld = check.held !== null && isFileOf(check.held, tile) && isWhole(folder, check.held)
  if (tile.level === 0 && !isHeld) removeOver(check, first, first)
  else for (const each of paths) rmSync(join(folder, each), { force: true })
  throw refused(folder, `${path ?? paths[0]} is not the one that the entries make`)
}

// The bundles of these entries, and all tiles over them: those of damaged entries may fit them. What was held and is whole
// is spared, and answered.
function removeOver({ folder, size, held }: CheckFolder, from: number, to: number): Held | null {
  const spared = held !== null && isWhole(folder, held) ? held : null
  removeFiles(folder, 'entries', { from, to: Math.min(to, size - 1), spared })
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const span = TILE_WIDTH ** level
    removeFiles(folder, level, { from: Math.floor(from / span), to: Math.floor(to / span), spared })
  }
  return spared
}

type Removed = { from: number; to: number; spared: Held | null }

// Full and partial ones.
function removeFiles(folder: string, level: number | 'entries', { from, to, spared }: Removed): void {
  for (let index = Math.floor(from / TILE_WIDTH); index <= Math.floor(to / TILE_WIDTH); index++) {
    const file = join(folder, tilePath({ level, index, width: TILE_WIDTH }))
    const kept = spared ? (tileAt(spared.size, level, index)?.width ?? null) : null
    if (kept === TILE_WIDTH) continue
    rmSync(file, { force: true })
    if (kept === null) rmSync(`${file}.p`, { recursive: true, force: true })
    else removeOthers(`${file}.p`, String(kept))
  }
}

function removeOthers(folder: string, kept: string): void {
  const all = existsSync(folder) ? readdirSync(folder) : []
  for (const name of all) if (name !== kept) rmSync(join(folder, name), { force: true })
}

function refused(folder: string, fault: string): CliError {
  return new CliError(EXIT.verification, `NOT verified: ${fault}; ${folder} keeps the checkpoint that it had, if any`)
}
