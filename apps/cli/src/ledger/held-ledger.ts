// What a folder holds of a ledger already, by the signed checkpoint in it. It may be the only proof of what was signed.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { CheckpointRefused, Malformed, readCheckpoint, verifyCheckpoint, type Checkpoint } from '@careseal/ledger-core'
import {
  equalHashes,
  leafHash,
  merkleRoot,
  parseTilePath,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type Tile,
} from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { entriesIn } from '../verify/bundle-bytes.js'
import { Revisit } from '../verify/last-visit.js'
import { PRIMITIVES } from '../verify/primitives.js'

/** What the checkpoint of a folder says, and its signed note. */
export type Held = Checkpoint & { note: string }

/** Null for a folder without a checkpoint: nobody has signed for what it holds. Throws (verification) for one that is none. */
export function heldIn(folder: string): Held | null {
  const file = join(folder, 'checkpoint')
  if (!existsSync(file)) return null
  const note = readFileSync(file, 'utf8')
  try {
    return { ...readCheckpoint(note), note }
  } catch (error) {
    throw unreadable(folder, error)
  }
}

/** The verifier keys that lie in a folder, none if it has no file of them. */
export function vkeysIn(folder: string): string[] {
  const file = join(folder, 'vkey')
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : []
}

/** Throws (verification) unless one of these keys of the log has signed what the folder holds. */
export async function requireSigned(folder: string, { note }: Held, logVkeys: readonly string[]): Promise<void> {
  try {
    await verifyCheckpoint(note, { logVkeys }, PRIMITIVES)
  } catch (error) {
    throw unreadable(folder, error)
  }
}

function unreadable(folder: string, error: unknown): unknown {
  if (!(error instanceof CheckpointRefused) && !(error instanceof Malformed)) return error
  const file = join(folder, 'checkpoint')
  const reason = error instanceof CheckpointRefused ? error.code : error.message
  const fault = `${file} is no checkpoint that a key in ${join(folder, 'vkey')} has signed (${reason})`
  const mend = `keep ${folder} as it is, and name an empty folder`
  return new CliError(EXIT.verification, `NOT verified: ${fault}, so nothing can be compared with it: ${mend}`, {
    cause: error,
  })
}

/** Compares a ledger, block by block, with what is held of it. */
export function revisitOf(held: Held | null): Revisit {
  if (held === null) return new Revisit(null)
  const { origin, size, note } = held
  const root = Buffer.from(held.root).toString('hex')
  return new Revisit({ v: 1, origin, size, root, note, visitedAt: '', keys: [] })
}

/** Whether this is a file of the tree that is held, not of one that is on its way. */
export function isFileOf({ size }: Held, { level, index, width }: Tile): boolean {
  return tileAt(size, level, Number(index))?.width === width
}

/** Whether the entries in the folder are those that the checkpoint was signed for. */
export function isWhole(folder: string, held: Held): boolean {
  let count = 0
  function* hashes() {
    for (const entry of entriesOf(folder, held.size)) {
      count += 1
      yield leafHash(sha256, entry)
    }
  }
  try {
    return equalHashes(merkleRoot(sha256, hashes()), held.root) && count === held.size
  } catch (error) {
    if (error instanceof CliError) return false
    throw error
  }
}

/** Removes all tiles but those of the tree that is held, and nothing where that is not whole itself. */
export function removeBeyond(folder: string, held: Held): void {
  if (!isWhole(folder, held)) return
  const all = readdirSync(join(folder, 'tile'), { recursive: true, withFileTypes: true })
  for (const entry of all.filter((each) => each.isFile())) {
    const file = join(entry.parentPath, entry.name)
    const tile = parseTilePath(relative(folder, file))
    if (tile && !isFileOf(held, tile)) rmSync(file)
  }
}

/** Whether a bundle that was fetched begins as the partial one in its place that is held; true where none is. */
export function continuesBundle(folder: string, held: Held, { index, bytes }: { index: number; bytes: Uint8Array }) {
  const tile = tileAt(held.size, 'entries', index)
  if (tile === null || tile.width === TILE_WIDTH) return true
  const path = tilePath(tile)
  if (!existsSync(join(folder, path))) return true
  const stored = readFileSync(join(folder, path))
  return equalHashes(stored, bytes.subarray(0, stored.length))
}

// The partial bundle before the full one: what is full may be on its way, and another history.
function* entriesOf(folder: string, size: number): Generator<Uint8Array> {
  for (let index = 0; index * TILE_WIDTH < size; index++) {
    const tile = tileAt(size, 'entries', index) as Tile
    const paths = [tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH })]
    const path = paths.find((each) => existsSync(join(folder, each)))
    if (path === undefined) return
    yield* entriesIn(path, readFileSync(join(folder, path)), tile.width)
  }
}
