// C2SP tlog-witness, add-checkpoint: the body of the request, what a witness answers to it, and in which order it looks.
// What can be told from the request alone is told by `admitCheckpoint`; `judgeCheckpoint` compares it with the largest
// tree that was co-signed, and belongs inside the swap of that tree.
import { base64, fromBase64, fromUtf8 } from '@careseal/crypto/portable'
import { HASH_BYTES, type Hash, type Sha256 } from '@careseal/merkle'
import { parseCheckpoint, type Checkpoint } from './checkpoint.js'
import { Malformed, orMalformed } from './malformed.js'
import { NoteRefused, splitNote, verifyNote, type NoteSignature, type NoteVerifier } from './note.js'
import { judgeSwap, type KnownTree, type SwapRefusal } from './tree-swap.js'

/** `note` is the signed checkpoint as it came. `oldSize` may be any size up to 2^64 − 1. */
export type AddCheckpoint = { oldSize: bigint; proof: Hash[]; note: string }

/** A request that a log signed: `signatures` are those that were verified, and no others. */
export type AdmittedCheckpoint = {
  oldSize: bigint
  proof: Hash[]
  text: string
  signatures: NoteSignature[]
  checkpoint: Checkpoint
}

export type AddCheckpointCode =
  'malformed' | 'unknown-log' | NoteRefused['code'] | 'malformed-checkpoint' | 'size-conflict' | SwapRefusal

/** `detail` is for people; `knownSize` comes with 409 alone. */
export type AddCheckpointRefusal =
  | { status: 400 | 403 | 404 | 422; code: Exclude<AddCheckpointCode, 'size-conflict'>; detail: string }
  | { status: 409; code: 'size-conflict'; detail: string; knownSize: number }

export type AddCheckpointVerdict = { status: 200; accepted: KnownTree } | AddCheckpointRefusal

/** The content type of the answer 409, whose body is the known size and a newline. */
export const TREE_SIZE_TYPE = 'text/x.tlog.size'

const HASHES_MAX = 63
const SIZE_MAX = (1n << 64n) - 1n

const DETAILS: Record<SwapRefusal, string> = {
  'old-size-beyond-size': 'the old size is beyond the size of the checkpoint',
  'empty-tree-has-root': 'the root of an empty tree is the hash of nothing',
  'proof-not-empty': 'there is nothing that a consistency proof could prove here',
  fork: 'another root was co-signed at this size',
  inconsistent: 'the consistency proof does not lead from the co-signed checkpoint to this one',
}

/** Throws Malformed for what could not be read back. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  const body = `${[`old ${oldSize}`, ...proof.map(base64)].join('\n')}\n\n${note}`
  parseAddCheckpoint(body)
  return body
}

/** Reads a request and verifies nothing; the note has the form of one. Throws Malformed. */
export function parseAddCheckpoint(body: string | Uint8Array): AddCheckpoint {
  const text = typeof body === 'string' ? body : orMalformed('a request is UTF-8', () => fromUtf8(body))
  const split = text.indexOf('\n\n')
  if (split === -1) throw new Malformed('a request without a checkpoint')
  const [first = '', ...hashes] = text.slice(0, split).split('\n')
  if (hashes.length > HASHES_MAX) throw new Malformed('a proof with too many hashes')
  const note = text.slice(split + 2)
  splitNote(note)
  return { oldSize: oldSizeIn(first), proof: hashes.map(hashOf), note }
}

function oldSizeIn(line: string): bigint {
  const [, digits] = /^old (0|[1-9]\d{0,19})$/.exec(line) ?? []
  if (digits === undefined || BigInt(digits) > SIZE_MAX) throw new Malformed('not an old size')
  return BigInt(digits)
}

function hashOf(line: string): Hash {
  const hash = orMalformed('not a hash', () => fromBase64(line))
  if (hash.length !== HASH_BYTES) throw new Malformed('not a hash')
  return hash
}

/** Who may sign for an origin; undefined for an origin that the witness does not know. */
export type LogVerifiers = (origin: string) => readonly NoteVerifier[] | undefined

/** All that needs no memory: form, origin, signature of the log, checkpoint. */
export async function admitCheckpoint(
  body: string | Uint8Array,
  verifiersOf: LogVerifiers,
): Promise<{ admitted: AdmittedCheckpoint } | { refused: AddCheckpointRefusal }> {
  const request = read(() => parseAddCheckpoint(body))
  if (request instanceof Malformed) return refuse(400, 'malformed', request.message)
  const verifiers = verifiersOf(originOf(request))
  if (verifiers === undefined) return refuse(404, 'unknown-log', 'this witness does not know the log')
  const note = await believed(request.note, verifiers)
  if (note instanceof NoteRefused) return refuse(403, note.code, note.message)
  const checkpoint = read(() => parseCheckpoint(note.text))
  if (checkpoint instanceof Malformed) return refuse(400, 'malformed-checkpoint', checkpoint.message)
  const { oldSize, proof } = request
  return { admitted: { oldSize, proof, text: note.text, signatures: note.verified, checkpoint } }
}

function originOf({ note }: AddCheckpoint): string {
  return note.slice(0, note.indexOf('\n'))
}

async function believed(note: string, verifiers: readonly NoteVerifier[]) {
  try {
    return await verifyNote(note, verifiers)
  } catch (error) {
    if (error instanceof NoteRefused) return error
    // Its form was looked at before, so it is a signature that cannot be read: it verifies nothing.
    if (error instanceof Malformed) return new NoteRefused('signature-invalid')
    throw error
  }
}

/** The verdict against the largest tree that was co-signed. 200 may be answered once `accepted` is durable. */
export function judgeCheckpoint(
  sha256: Sha256,
  known: KnownTree,
  { oldSize, proof, checkpoint: { size, root } }: AdmittedCheckpoint,
): AddCheckpointVerdict {
  const answer = judgeSwap(sha256, known, { oldSize, size, root, proof })
  return 'accepted' in answer ? { status: 200, accepted: answer.accepted } : refusalOf(answer)
}

/** What a witness answers when the swap was not made. */
export function refusalOf(answer: { conflict: number } | { refused: SwapRefusal }): AddCheckpointRefusal {
  if ('conflict' in answer) {
    const detail = `the largest checkpoint that was co-signed has size ${answer.conflict}`
    return { status: 409, code: 'size-conflict', detail, knownSize: answer.conflict }
  }
  const code = answer.refused
  return { status: code === 'old-size-beyond-size' ? 400 : 422, code, detail: DETAILS[code] }
}

function read<T>(parse: () => T): T | Malformed {
  try {
    return parse()
  } catch (error) {
    if (error instanceof Malformed) return error
    throw error
  }
}

function refuse(
  status: 400 | 403 | 404,
  code: 'malformed' | 'unknown-log' | NoteRefused['code'] | 'malformed-checkpoint',
  detail: string,
): { refused: AddCheckpointRefusal } {
  return { refused: { status, code, detail } }
}
