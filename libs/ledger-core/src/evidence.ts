// Proof that a log's key signed two trees of which neither continues the other, in one file that anybody checks offline.
// Kind A: two checkpoints of one size with different roots. Kind B: an older and a newer checkpoint, and a consistency
// proof that makes the newer root from another older root than the one that was signed. Nothing else proves it.
import { base64, fromBase64, fromUtf8 } from '@careseal/crypto/portable'
import { equalHashes, HASH_BYTES, rootsOfConsistencyProof, verifyConsistency, type Hash } from '@careseal/merkle'
import { parseCheckpoint, type Checkpoint } from './checkpoint.js'
import { verifierOf } from './cosignature.js'
import { Malformed, orMalformed } from './malformed.js'
import { formatNote, identityOf, parseNote, verifyNote, type NoteSignature } from './note.js'
import type { KnownTree } from './tree-swap.js'
import type { Primitives } from './trust.js'
import { ED25519, formatVkey, parseVkey, type Vkey } from './vkey.js'

/** `logKey` is the vkey that signed both notes. `otherRoot` and `proof`: what the newer tree really has at the older size. */
export type Evidence =
  | { kind: 'A'; logKey: string; notes: [string, string] }
  | { kind: 'B'; logKey: string; notes: [older: string, newer: string]; otherRoot: Hash; proof: Hash[] }

export type EvidenceReason =
  | 'key-unreadable'
  | 'not-signed-by-the-key'
  | 'checkpoint-unreadable'
  | 'origins-differ'
  | 'sizes-wrong'
  | 'roots-agree'
  | 'proof-fails'

/** `key` is name and key ID, for people: whom the evidence concerns, `logKey` of the evidence alone says. */
export type EvidenceVerdict =
  | { proves: true; kind: Evidence['kind']; key: string; origin: string; checkpoints: [Checkpoint, Checkpoint] }
  | { proves: false; reason: EvidenceReason }

const FORMAT = 'careseal/fork-evidence@v1'
const HASHES_MAX = 63
const CHARACTERS_MAX = 1_000_000

/** The file's text: JSON of one spelling. Throws Malformed for what could not be read back. */
export function formatEvidence(evidence: Evidence): string {
  const text = spell(evidence)
  parseEvidence(text)
  return text
}

function spell({ kind, logKey, notes, ...more }: Evidence): string {
  const path = 'proof' in more ? { otherRoot: base64(more.otherRoot), proof: more.proof.map(base64) } : {}
  return `${JSON.stringify({ format: FORMAT, kind, logKey, notes, ...path }, null, 2)}\n`
}

/** Reads a file strictly and verifies nothing. Throws Malformed. */
export function parseEvidence(file: string | Uint8Array): Evidence {
  const text = typeof file === 'string' ? file : orMalformed('evidence is UTF-8', () => fromUtf8(file))
  if (text.length > CHARACTERS_MAX || !text.isWellFormed()) throw new Malformed('not evidence')
  const evidence = orMalformed('not evidence', () => evidenceIn(JSON.parse(text)))
  // One spelling: unknown members, other versions, white space and other orders all fail here.
  if (spell(evidence) !== text) throw new Malformed('evidence in another spelling than its own')
  return evidence
}

type Fields = { kind: unknown; logKey: unknown; notes: unknown; otherRoot: unknown; proof: unknown }

function evidenceIn(value: unknown): Evidence {
  const { kind, logKey, notes, otherRoot, proof } = value as Fields
  if (!Array.isArray(notes) || notes.length !== 2) throw new Malformed('evidence has two notes')
  const [first, second] = notes.map(textOf) as [string, string]
  for (const note of [first, second]) parseNote(note)
  const signed = { logKey: textOf(logKey), notes: [first, second] as [string, string] }
  if (kind === 'A') return { kind, ...signed }
  if (kind !== 'B' || !Array.isArray(proof) || proof.length > HASHES_MAX) throw new Malformed('not evidence')
  return { kind, ...signed, otherRoot: hashOf(otherRoot), proof: proof.map(hashOf) }
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Malformed('not a text')
  return value
}

function hashOf(value: unknown): Hash {
  const hash = fromBase64(textOf(value))
  if (hash.length !== HASH_BYTES) throw new Malformed('not a hash')
  return hash
}

/** Whether the file proves that its key signed two histories. Whose key it is, and whom that concerns, is the caller's. */
export async function verifyEvidence(evidence: Evidence, primitives: Primitives): Promise<EvidenceVerdict> {
  const vkey = logKeyOf(evidence, primitives)
  if (vkey === null) return { proves: false, reason: 'key-unreadable' }
  const checkpoints: Checkpoint[] = []
  for (const note of evidence.notes) {
    const checkpoint = await signedCheckpoint(note, vkey, primitives)
    if (typeof checkpoint === 'string') return { proves: false, reason: checkpoint }
    checkpoints.push(checkpoint)
  }
  const [older, newer] = checkpoints as [Checkpoint, Checkpoint]
  const reason = older.origin === newer.origin ? flawIn(evidence, older, newer, primitives) : 'origins-differ'
  if (reason !== null) return { proves: false, reason }
  return { proves: true, kind: evidence.kind, key: identityOf(vkey), origin: older.origin, checkpoints: [older, newer] }
}

function flawIn(
  evidence: Evidence,
  ...[older, newer, { sha256 }]: [Checkpoint, Checkpoint, Primitives]
): EvidenceReason | null {
  if (evidence.kind === 'A') {
    if (older.size !== newer.size) return 'sizes-wrong'
    return equalHashes(older.root, newer.root) ? 'roots-agree' : null
  }
  const { otherRoot, proof } = evidence
  if (older.size >= newer.size) return 'sizes-wrong'
  if (equalHashes(older.root, otherRoot)) return 'roots-agree'
  const [oldSize, newSize, newRoot] = [older.size, newer.size, newer.root]
  const leads = verifyConsistency(sha256, { oldSize, newSize, oldRoot: otherRoot, newRoot, proof })
  return leads ? null : 'proof-fails'
}

function logKeyOf({ logKey }: Evidence, { sha256 }: Primitives): Vkey | null {
  try {
    const vkey = parseVkey(sha256, logKey)
    return vkey.type === ED25519 ? vkey : null
  } catch {
    return null
  }
}

async function signedCheckpoint(
  note: string,
  vkey: Vkey,
  { verifyEd25519 }: Primitives,
): Promise<Checkpoint | EvidenceReason> {
  try {
    await verifyNote(note, [verifierOf(vkey, verifyEd25519)!])
  } catch {
    return 'not-signed-by-the-key'
  }
  try {
    return parseCheckpoint(parseNote(note).text)
  } catch {
    return 'checkpoint-unreadable'
  }
}

/** A checkpoint as it was signed: the text of the note, and the signatures of the log's keys that were verified. */
export type SignedTree = { text: string; signatures: readonly NoteSignature[]; checkpoint: KnownTree }

/**
 * What two checkpoints of one origin prove against one of its keys, with the proof that came with the newer; null when
 * nothing. Both must have been verified. `olderRoot` is what the newer tree has at the older size, for who knows it.
 *
 * Never wrong, but not complete: where the older size is a power of two, a proof alone holds no other root than the one
 * that was signed.
 */
export function evidenceAgainst(
  logKeys: readonly Vkey[],
  given: { older: SignedTree; newer: SignedTree; proof: readonly Hash[]; olderRoot?: Hash },
  { sha256 }: Pick<Primitives, 'sha256'>,
): Evidence | null {
  const { older, newer, proof } = given
  const vkey = logKeys.find((key) => signatureOf(older, key) && signatureOf(newer, key))
  if (vkey === undefined) return null
  const [{ size: oldSize, root: oldRoot }, { size: newSize, root: newRoot }] = [older.checkpoint, newer.checkpoint]
  const notes: [string, string] = [noteOf(older, vkey), noteOf(newer, vkey)]
  const signed = { logKey: formatVkey(vkey), notes }
  if (oldSize === newSize) return equalHashes(oldRoot, newRoot) ? null : { kind: 'A', ...signed }
  const otherRoot = given.olderRoot ?? rootsOfConsistencyProof(sha256, { oldSize, newSize, proof })?.oldRoot
  if (otherRoot === undefined || equalHashes(otherRoot, oldRoot)) return null
  const leads = verifyConsistency(sha256, { oldSize, newSize, oldRoot: otherRoot, newRoot, proof })
  return leads ? { kind: 'B', ...signed, otherRoot, proof: [...proof] } : null
}

function signatureOf({ signatures }: SignedTree, vkey: Vkey): NoteSignature | undefined {
  return signatures.find((signature) => identityOf(signature) === identityOf(vkey))
}

function noteOf(signed: SignedTree, vkey: Vkey): string {
  return formatNote({ text: signed.text, signatures: [signatureOf(signed, vkey)!] })
}
