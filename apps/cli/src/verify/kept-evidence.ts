// What a verifier keeps of a ledger that contradicts itself: both signed checkpoints, and where they prove it, the proof.
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import {
  evidenceAgainst,
  formatEvidence,
  parseCheckpoint,
  parseVkey,
  verifierOf,
  verifyNote,
  type SignedTree,
  type Vkey,
} from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { writeOwn } from '../trust/own-folders.js'
import { PRIMITIVES } from './primitives.js'

export type Contradiction = {
  /** The note of the last visit, and the one of now. */
  notes: { earlier: string; now: string }
  /** Keys of the log whose signatures count. */
  logVkeys: readonly string[]
  /** The proof from one size to the other that the ledger gives, if it gives one. */
  consistency: (sizes: { from: number; to: number }) => Promise<Hash[]>
}

/** Writes what there is into a folder. Returns the files; `proof` is the one that `careseal evidence verify` checks. */
export async function keepEvidence(
  folder: string,
  contradiction: Contradiction,
): Promise<{ files: string[]; proof: string | null }> {
  const { earlier, now } = contradiction.notes
  const files = [join(folder, 'checkpoint-earlier'), join(folder, 'checkpoint-now')]
  writeOwn(files[0]!, earlier)
  writeOwn(files[1]!, now)
  const text = await proofOf(contradiction)
  if (text === null) return { files, proof: null }
  const proof = join(folder, 'fork-evidence.json')
  writeOwn(proof, text)
  return { files: [...files, proof], proof }
}

async function proofOf({ notes, logVkeys, consistency }: Contradiction): Promise<string | null> {
  const keys = logVkeys.map((text) => parseVkey(sha256, text))
  try {
    const trees = [await signedTree(notes.earlier, keys), await signedTree(notes.now, keys)]
    const [older, newer] = trees.toSorted((a, b) => a.checkpoint.size - b.checkpoint.size) as [SignedTree, SignedTree]
    const [from, to] = [older.checkpoint.size, newer.checkpoint.size]
    const proof = from === to ? [] : await consistency({ from, to })
    const evidence = evidenceAgainst(keys, { older, newer, proof }, PRIMITIVES)
    return evidence && formatEvidence(evidence)
  } catch {
    // The notes alone are kept: a log that lies need not help to prove it.
    return null
  }
}

async function signedTree(note: string, keys: readonly Vkey[]): Promise<SignedTree> {
  const verifiers = keys.map((key) => verifierOf(key, PRIMITIVES.verifyEd25519)).filter((each) => each !== null)
  const { text, verified } = await verifyNote(note, verifiers)
  return { text, signatures: verified, checkpoint: parseCheckpoint(text) }
}
