// Takes in a copy of a ledger from whoever has one: a folder of tiles, or a mirror that serves them. All of it is verified
// from the entries alone, and the folder that is written holds what they make, whatever else the source held.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { logKeysAt, verifyLedger, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { tilePath } from '@careseal/merkle'
import { writeDurably } from '@careseal/stack'
import { CliError, EXIT } from '../exit.js'
import type { ReadableLedger } from '../verify/ledger-source.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { Tiling } from './tiling.js'

export type ImportLedger = {
  source: ReadableLedger
  folder: string
  trust: Trust | null
  onProgress: (done: number, total: number) => void
}

/**
 * The verdict; the folder is an export of the source's size exactly if it is ok. Throws (usage) for a folder that holds
 * something else, or more of the same ledger.
 *
 * If we crash here, the folder holds tiles and no newer checkpoint than before, which is written last.
 */
export async function importLedger({ source, folder, trust, onProgress }: ImportLedger): Promise<LedgerVerdict> {
  const { note, size } = source
  requireRoom(folder, note, size)
  const tiling = new Tiling(({ bytes, ...tile }) => writePublic(join(folder, tilePath(tile)), bytes))
  const verdict = await verifyLedger(
    { entries: tiling.through(source.entries()), checkpoint: note },
    { ...PRIMITIVES, ...(trust ? { trust } : {}), onBlock: (_header, tree) => onProgress(tree.size, size) },
  )
  if (!verdict.ok) return verdict
  tiling.end()
  const vkeys = logKeysAt(verdict.state.governance.keys, size)
  writePublic(join(folder, 'vkey'), vkeys.map((vkey) => `${vkey}\n`).join(''))
  writePublic(join(folder, 'checkpoint'), note)
  return verdict
}

function requireRoom(folder: string, note: string, size: number): void {
  const checkpoint = join(folder, 'checkpoint')
  const held = existsSync(checkpoint) ? readFileSync(checkpoint, 'utf8') : null
  if (held === null) {
    // Tiles without a checkpoint are an import that was stopped.
    const others = existsSync(folder) ? readdirSync(folder).filter((name) => name !== 'tile' && name !== 'vkey') : []
    if (others.length === 0) return
    throw new CliError(EXIT.usage, `${folder} is not empty and no export of a ledger: name an empty folder`)
  }
  const [origin, heldSize] = held.split('\n')
  if (origin !== note.split('\n')[0]) {
    throw new CliError(EXIT.usage, `${folder} holds another log (${origin}): name an empty folder`)
  }
  if (Number(heldSize) <= size) return
  throw new CliError(EXIT.usage, `${folder} holds ${heldSize} entries already, and the source ${size}`)
}

function writePublic(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeDurably(file, content, { mode: 0o644 })
}
