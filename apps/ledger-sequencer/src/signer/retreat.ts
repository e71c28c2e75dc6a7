// The way back of a signer: down to a tree that all witnesses know, from the very one that it signed last, and only when
// two operators of the genesis approved it. What it gives up is written down before its memory changes.
import { sha256 } from '@careseal/crypto'
import {
  beginGovernance,
  encodeAdmin,
  govern,
  isApproved,
  Malformed,
  parseEntry,
  type Genesis,
  type KnownTree,
  type PlacedAdmin,
  type SignerRetreat,
} from '@careseal/ledger-core'
import { join } from 'node:path'
import { readIfThere, replaceDurably, verifyEd25519 } from '@careseal/cosigner'
import type { RetreatAnswer } from './log-signer.js'
import { SignerUnfit } from './signer-unfit.js'

/** Where the signer goes to and from, or why not. Repeating what was done is accepted. */
export async function judgeRetreat(
  genesis: Genesis,
  signed: KnownTree,
  { index, admin }: PlacedAdmin,
): Promise<{ to: KnownTree } | Extract<RetreatAnswer, { refused: string }>> {
  const asked = readRetreat(genesis, { index, admin })
  if (!asked) return { refused: 'malformed' }
  if (!(await isApproved(genesis, index, admin, { sha256, verifyEd25519 }))) return { refused: 'not-approved' }
  const to = { size: asked.size, root: Buffer.from(asked.root, 'hex') }
  const abandoned = { size: asked.abandonedSize, root: Buffer.from(asked.abandonedRoot, 'hex') }
  return isSame(signed, abandoned) || isSame(signed, to) ? { to } : { refused: 'signed-another' }
}

function readRetreat(genesis: Genesis, entry: PlacedAdmin): SignerRetreat | null {
  try {
    return govern(sha256, beginGovernance(genesis), entry).retreats[0] ?? null
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

function isSame(a: KnownTree, b: KnownTree): boolean {
  return a.size === b.size && Buffer.compare(a.root, b.root) === 0
}

const FILE = 'retreat.json'

/** If we crash after this, the memory is still that of before: the same retreat, asked for again, goes on. */
export function writeRetreat(folder: string, { index, admin }: PlacedAdmin): Promise<void> {
  const entry = Buffer.from(encodeAdmin(admin)).toString('base64')
  return replaceDurably(join(folder, FILE), `${JSON.stringify({ v: 1, index, entry })}\n`)
}

export async function readLastRetreat(folder: string): Promise<PlacedAdmin | null> {
  const text = await readIfThere(join(folder, FILE))
  if (text === null) return null
  try {
    const { index, entry } = JSON.parse(text) as { index: number; entry: string }
    const parsed = parseEntry(Buffer.from(entry, 'base64'))
    if ('admin' in parsed) return { index, admin: parsed.admin }
  } catch {
    // Told below.
  }
  throw new SignerUnfit('signer-state-broken', 'the retreat of the signer cannot be read: restore retreat.json')
}
