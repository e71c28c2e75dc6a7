// Whether a folder is an export of a ledger that verifies: its entries from the genesis on, and every tile made of them.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { verifyLedger, type FaultCode, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { equalHashes, levelSize, TILE_WIDTH, tilePath } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { DamagedBundle, exportedEntries } from '../verify/export-files.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { describeFault } from '../verify/verify-ledger.js'
import { Tiling, type TileFile } from './tiling.js'

export type CheckFolder = {
  folder: string
  /** The checkpoint up to which the folder is checked; it need not lie there yet. */
  note: string
  size: number
  trust: Trust | null
  onProgress: (done: number, total: number) => void
}

/** These are about signatures: the files are as they were made. */
const OF_CHECKPOINT: readonly FaultCode[] = ['checkpoint-refused', 'log-key-not-valid']

/**
 * The verdict on a folder that holds what a checkpoint covers. Throws (verification) for what does not fit, and removes
 * the files that it may be in: what was damaged on its way comes anew with the next export.
 */
export async function checkFolder(check: CheckFolder): Promise<Extract<LedgerVerdict, { ok: true }>> {
  const { folder, note, size, trust, onProgress } = check
  const tiling = new Tiling((file) => requireSame(check, file))
  // A header is covered by the block after it: what a fault shows may lie in the block before it, too.
  let lastBlockFrom = 0
  const onBlock = ({ firstIndex }: { firstIndex: number }, tree: { size: number }) => {
    lastBlockFrom = firstIndex
    onProgress(tree.size, size)
  }
  const verdict = await verifyLedger(
    { entries: tiling.through(entriesOf(check)), checkpoint: note },
    { ...PRIMITIVES, ...(trust ? { trust } : {}), onBlock },
  )
  if (!verdict.ok) {
    const { code, index } = verdict.fault
    if (!OF_CHECKPOINT.includes(code)) removeOver(check, lastBlockFrom, index)
    throw refused(folder, describeFault(verdict.fault))
  }
  tiling.end()
  return verdict
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
  // Which of the two is damaged nobody can say before the block has ended: the hashes, or the entries under them.
  const first = Number(tile.index) * TILE_WIDTH
  if (tile.level === 0) removeOver(check, first, first)
  else for (const each of paths) rmSync(join(folder, each), { force: true })
  throw refused(folder, `${path ?? paths[0]} is not the one that the entries make`)
}

// The bundles of these entries, and all tiles over them: those of damaged entries may fit them.
function removeOver({ folder, size }: CheckFolder, from: number, to: number): void {
  removeFiles(folder, 'entries', { from, to: Math.min(to, size - 1) })
  for (let level = 0; levelSize(size, level) > 0; level++) {
    const span = TILE_WIDTH ** level
    removeFiles(folder, level, { from: Math.floor(from / span), to: Math.floor(to / span) })
  }
}

// Full and partial ones.
function removeFiles(folder: string, level: number | 'entries', { from, to }: { from: number; to: number }): void {
  for (let index = Math.floor(from / TILE_WIDTH); index <= Math.floor(to / TILE_WIDTH); index++) {
    const file = join(folder, tilePath({ level, index, width: TILE_WIDTH }))
    for (const each of [file, `${file}.p`]) rmSync(each, { recursive: true, force: true })
  }
}

function refused(folder: string, fault: string): CliError {
  return new CliError(EXIT.verification, `NOT verified: ${fault}; ${folder} keeps the checkpoint that it had, if any`)
}
