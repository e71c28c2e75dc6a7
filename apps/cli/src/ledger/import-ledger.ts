// Takes in a copy of a ledger from whoever has one: a folder of tiles, or a mirror that serves them. All of it is verified
// from the entries alone, and the folder that is written holds what they make, whatever else the source held.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logKeysAt, verifyLedger, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { tilePath } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { withLock } from '../folder-lock.js'
import type { ReadableLedger } from '../verify/ledger-source.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { Incoming, INCOMING } from './incoming.js'
import { writePublic } from './public-file.js'
import { Tiling } from './tiling.js'

export type ImportLedger = {
  source: ReadableLedger
  folder: string
  trust: Trust | null
  onProgress: (step: 'entries verified' | 'files compared' | 'files taken over', done: number, total: number) => void
}

/**
 * The verdict; the folder is an export of the source's size exactly if it is ok, and as it was if not. Throws (usage) for
 * a folder that holds something else, or more of the same ledger; (verification) where it holds other bytes; (failure)
 * while another import into it is under way.
 *
 * If we crash here, the folder holds tiles that are verified and no newer checkpoint than before, which is written last.
 */
export async function importLedger(options: ImportLedger): Promise<LedgerVerdict> {
  const { source, folder } = options
  requireRoom(folder, source.note, source.size)
  mkdirSync(folder, { recursive: true })
  return withLock(join(folder, LOCK), { what: `importing into ${folder}`, waitMs: 0 }, async () => {
    // Again: another import may have ended since.
    requireRoom(folder, source.note, source.size)
    return imported(options)
  })
}

async function imported(options: ImportLedger): Promise<LedgerVerdict> {
  const { source, folder, onProgress } = options
  const incoming = new Incoming(folder)
  try {
    const verdict = await verified(options, incoming)
    if (!verdict.ok) return verdict
    await incoming.takeOver(onProgress)
    const vkeys = logKeysAt(verdict.state.governance.keys, source.size)
    writePublic(join(folder, 'vkey'), vkeys.map((vkey) => `${vkey}\n`).join(''))
    writePublic(join(folder, 'checkpoint'), source.note)
    return verdict
  } finally {
    incoming.remove()
  }
}

async function verified({ source, trust, onProgress }: ImportLedger, incoming: Incoming): Promise<LedgerVerdict> {
  const { note, size } = source
  const tiling = new Tiling(({ bytes, ...tile }) => incoming.put(tilePath(tile), bytes))
  const verdict = await verifyLedger(
    { entries: tiling.through(source.entries()), checkpoint: note },
    {
      ...PRIMITIVES,
      ...(trust ? { trust } : {}),
      onBlock: (_header, tree) => onProgress('entries verified', tree.size, size),
    },
  )
  if (verdict.ok) tiling.end()
  return verdict
}

const LOCK = '.incoming.lock'
const OWN_NAMES: readonly string[] = ['tile', 'vkey', INCOMING, LOCK]

function requireRoom(folder: string, note: string, size: number): void {
  const checkpoint = join(folder, 'checkpoint')
  const held = existsSync(checkpoint) ? readFileSync(checkpoint, 'utf8') : null
  if (held === null) {
    // Tiles without a checkpoint are an import that was stopped.
    const others = existsSync(folder) ? readdirSync(folder).filter((name) => !OWN_NAMES.includes(name)) : []
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
