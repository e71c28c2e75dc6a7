// What a witness's own checkpoint says against the database. A witness's word stops nothing, or one that lies could stop
// the ledger: only what the log's own key has signed counts, compared with the tree as it is stored now.
import {
  Malformed,
  NoteRefused,
  parseCheckpoint,
  parseVkey,
  verifierOf,
  verifyNote,
  type Checkpoint,
} from '@careseal/ledger-core'
import { equalHashes, type Sha256 } from '@careseal/merkle'
import type { Sql } from '../database/connections.js'
import { loadHead } from '../database/head.js'
import type { Signer } from '../signer/signer.js'
import { verifyEd25519 } from '@careseal/cosigner'
import { StoredTree } from '../tree/stored-tree.js'

/** `lost`: the database lacks, or has otherwise, what the log once signed. `held`: it has just that. */
export type Shown = { lost: string } | { held: SignedText } | null

export type SignedText = { text: string; size: number }

export type LogIdentity = { sha256: Sha256; origin: string; logVkeys: readonly string[] }

export type ShownOptions = LogIdentity & { sql: Sql }

/** Null for what no key of the log has signed. */
export async function shownBy(note: string, options: ShownOptions): Promise<Shown> {
  const signed = await signedCheckpoint(note, options)
  if (!signed) return null
  const { size, root, text } = signed
  const { treeSize } = await loadHead(options.sql)
  if (treeSize < size) return { lost: `size ${size} was signed, the database holds only ${treeSize}` }
  const stored = await new StoredTree(options.sql, options.sha256, size).root()
  if (equalHashes(stored, root)) return { held: { text, size } }
  return { lost: `another root was signed at size ${size} than the one that the database has` }
}

/** The size of a checkpoint that the log has signed; null for what it has not. */
export async function signedSizeIn(note: string, options: LogIdentity): Promise<number | null> {
  return (await signedCheckpoint(note, options))?.size ?? null
}

async function signedCheckpoint(note: string, options: LogIdentity): Promise<(Checkpoint & { text: string }) | null> {
  const { sha256, origin, logVkeys } = options
  const verifiers = logVkeys.map((vkey) => verifierOf(parseVkey(sha256, vkey), verifyEd25519))
  try {
    const { text } = await verifyNote(
      note,
      verifiers.filter((verifier) => verifier !== null),
    )
    const checkpoint = parseCheckpoint(text)
    return checkpoint.origin === origin && checkpoint.size > 0 ? { ...checkpoint, text } : null
  } catch (error) {
    if (error instanceof Malformed || error instanceof NoteRefused) return null
    throw error
  }
}

/** Every key under which the log may have signed. */
export function logKeysOf({ genesis, vkey }: Signer): string[] {
  return [...new Set([...genesis.logKeys, vkey])]
}
