// Whether a folder is an export of a ledger that verifies: its entries from the genesis on, and every tile made of them.
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { verifyLedger, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { equalHashes, TILE_WIDTH, tilePath } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { exportedEntries } from '../verify/export-files.js'
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

/**
 * The verdict on a folder that holds what a checkpoint covers. Throws (verification) for what does not fit, and removes
 * the file that it is in: what was damaged on its way comes anew with the next export.
 */
export async function checkFolder(check: CheckFolder): Promise<Extract<LedgerVerdict, { ok: true }>> {
  const { folder, note, size, trust, onProgress } = check
  const tiling = new Tiling((file) => requireSame(folder, file))
  const verdict = await verifyLedger(
    { entries: tiling.through(exportedEntries(folder, size)), checkpoint: note },
    { ...PRIMITIVES, ...(trust ? { trust } : {}), onBlock: (_header, tree) => onProgress(tree.size, size) },
  )
  if (!verdict.ok) throw refused(folder, describeFault(verdict.fault), bundleOf(verdict.fault.index, size))
  tiling.end()
  return verdict
}

// A full tile does for a partial one: a folder may have grown past the checkpoint.
function requireSame(folder: string, { bytes, ...tile }: TileFile): void {
  const paths = [tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH })]
  const path = paths.find((each) => existsSync(join(folder, each)))
  const stored = path === undefined ? null : readFileSync(join(folder, path)).subarray(0, bytes.length)
  if (stored && equalHashes(stored, bytes)) return
  throw refused(folder, `${path ?? paths[0]} is not the one that the entries make`, path)
}

function bundleOf(entry: number, size: number): string {
  const index = Math.floor(entry / TILE_WIDTH)
  return tilePath({ level: 'entries', index, width: Math.max(1, Math.min(TILE_WIDTH, size - index * TILE_WIDTH)) })
}

function refused(folder: string, fault: string, path: string | undefined): CliError {
  if (path !== undefined) rmSync(join(folder, path), { force: true })
  return new CliError(EXIT.verification, `NOT verified: ${fault}; ${folder} keeps the checkpoint that it had, if any`)
}
