// Takes in a copy of a ledger from whoever has one: a folder of tiles, or a mirror that serves them. All of it is verified
// from the entries alone, and the folder that is written holds what they make, whatever else the source held.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { logKeysAt, verifyLedger, type LedgerVerdict, type Trust } from '@careseal/ledger-core'
import { tilePath } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { withLock } from '../folder-lock.js'
import type { Revisit } from '../verify/last-visit.js'
import type { ReadableLedger } from '../verify/ledger-source.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { heldIn, requireSigned, revisitOf, vkeysIn, type Held } from './held-ledger.js'
import { Incoming, INCOMING } from './incoming.js'
import { writePublic } from './public-file.js'
import { refusedHistory } from './refused-history.js'
import { Tiling } from './tiling.js'

type Sound = Extract<LedgerVerdict, { ok: true }>

export type ImportLedger = {
  source: ReadableLedger
  folder: string
  trust: Trust | null
  onProgress: (step: 'entries verified' | 'files compared' | 'files taken over', done: number, total: number) => void
}

/**
 * The verdict; the folder is an export of the source's size exactly if it is ok, and as it was if not. Throws (usage) for
 * a folder that holds something else, or more of the same ledger; (verification) where it holds other bytes, or its own
 * checkpoint is of another history, and then keeps both as evidence; (failure) while another import into it is under way.
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
  const held = heldIn(folder)
  const visit = revisitOf(held)
  const incoming = new Incoming(folder)
  try {
    const verdict = await verified(options, incoming, visit)
    if (!verdict.ok) return verdict
    if (held) await requireContinued(options, verdict, { held, visit })
    await incoming.takeOver(onProgress)
    const vkeys = logKeysAt(verdict.state.governance.keys, source.size)
    writePublic(join(folder, 'vkey'), vkeys.map((vkey) => `${vkey}\n`).join(''))
    writePublic(join(folder, 'checkpoint'), source.note)
    return verdict
  } finally {
    incoming.remove()
  }
}

// Keys come and go: those of the folder's own time are in it, the others the source's entries name.
async function requireContinued(
  { source, folder }: ImportLedger,
  { state }: Sound,
  { held, visit }: { held: Held; visit: Revisit },
): Promise<void> {
  const { keys, retreats } = state.governance
  const named = keys.filter(({ owner }) => owner === 'log').map(({ vkey }) => vkey)
  const logVkeys = [...new Set([...vkeysIn(folder), ...named])]
  await requireSigned(folder, held, logVkeys)
  const since = visit.since(source.size, retreats)
  if (since === 'grown' || since === 'unchanged') return
  const { note, consistency } = source
  const what = since === 'retreated' ? 'the signer has given that up, as an entry says' : 'it has another history'
  throw await refusedHistory({ folder, held, note, logVkeys, consistency }, what)
}

async function verified(
  { source, trust, onProgress }: ImportLedger,
  incoming: Incoming,
  visit: Revisit,
): Promise<LedgerVerdict> {
  const { note, size } = source
  const tiling = new Tiling(({ bytes, ...tile }) => incoming.put(tilePath(tile), bytes))
  const verdict = await verifyLedger(
    { entries: tiling.through(source.entries()), checkpoint: note },
    {
      ...PRIMITIVES,
      ...(trust ? { trust } : {}),
      onBlock: (_header, tree) => {
        visit.onBlock(tree)
        onProgress('entries verified', tree.size, size)
      },
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
  const [origin] = held.split('\n')
  if (origin !== note.split('\n')[0]) {
    throw new CliError(EXIT.usage, `${folder} holds another log (${origin}): name an empty folder`)
  }
  const heldSize = heldIn(folder)?.size ?? 0
  if (heldSize <= size) return
  throw new CliError(EXIT.usage, `${folder} holds ${heldSize} entries already, and the source ${size}`)
}
