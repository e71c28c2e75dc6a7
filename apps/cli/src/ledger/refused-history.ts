// What happens when a ledger does not continue what a folder holds of it: the folder stays, and both checkpoints are kept.
import { join } from 'node:path'
import { sha256 } from '@careseal/crypto'
import { readCheckpoint } from '@careseal/ledger-core'
import { equalHashes, verifyConsistency, type Hash } from '@careseal/merkle'
import { CliError, EXIT } from '../exit.js'
import { keepEvidence } from '../verify/kept-evidence.js'
import type { Held } from './held-ledger.js'

/** A signed checkpoint, and what a folder holds of the same log. */
export type Succession = {
  folder: string
  held: Held
  /** The checkpoint that is to follow, signed by the log. */
  note: string
  logVkeys: readonly string[]
  /** The proof from one size to the other that its source gives. */
  consistency: (sizes: { from: number; to: number }) => Promise<Hash[]>
}

/** Entries that do not fit behind those that a folder holds whole. Why is not said yet: they may be damaged. */
export class NotContinued extends CliError {
  constructor(fault: string, options?: ErrorOptions) {
    super(EXIT.verification, `NOT verified: ${fault}`, options)
  }
}

/** Throws (verification) for a checkpoint that by itself cannot follow the one that is held. */
export async function requireMayFollow(succession: Succession): Promise<void> {
  const { held, note } = succession
  const next = readCheckpoint(note)
  if (next.size < held.size) throw await refusedHistory(succession, 'it has shrunk, or shows an old checkpoint')
  if (next.size > held.size || equalHashes(next.root, held.root)) return
  throw await refusedHistory(succession, 'it has another history')
}

/** Whether the source proves that its checkpoint continues the one that is held. What it does not prove is no. */
export async function isProvenToFollow({ held, note, consistency }: Succession): Promise<boolean> {
  const { size, root } = readCheckpoint(note)
  if (size === held.size) return equalHashes(root, held.root)
  const proof = await consistency({ from: held.size, to: size }).catch((error: unknown) => {
    if (error instanceof CliError && error.exitCode === EXIT.unreachable) throw error
    return null
  })
  const roots = { oldSize: held.size, newSize: size, oldRoot: held.root, newRoot: root }
  return proof !== null && verifyConsistency(sha256, { ...roots, proof })
}

/** The refusal, once both checkpoints are kept beside the one that stays. */
export async function refusedHistory(succession: Succession, what: string, options?: ErrorOptions): Promise<CliError> {
  const { folder, held, note } = succession
  const { size, root } = readCheckpoint(note)
  // Named by the root as well: another checkpoint of the same size is more evidence, and replaces none.
  const name = `evidence-${held.size}-${size}-${Buffer.from(root.subarray(0, 4)).toString('hex')}`
  const { files, proof } = await keepEvidence(join(folder, name), {
    notes: { earlier: held.note, now: note },
    logVkeys: succession.logVkeys,
    consistency: succession.consistency,
  })
  const lines = [
    `NOT verified: the ledger does not continue what ${folder} holds: ${what}`,
    `${folder} holds ${held.size} entries under a signed checkpoint, the other checkpoint is of ${size}; nothing was replaced`,
    `kept as evidence: ${files.join(' ')}`,
    ...(proof === null ? [] : ['the last of them proves it to anybody: careseal evidence verify']),
    'keep the folder; if the signer has retreated or the ledger was put back, name an empty folder for what it is now',
  ]
  return new CliError(EXIT.verification, lines.join('\n'), options)
}
