// One witness as the log speaks with it (C2SP tlog-witness). Nothing that it says is believed but a cosignature that
// verifies; every other answer is told by its kind, and what it claims has to be shown (see contradiction.ts).
import { sha256, utf8 } from '@careseal/crypto'
import {
  formatAddCheckpoint,
  formatSignatureLine,
  identityOf,
  Malformed,
  parseCosignature,
  parseNote,
  TREE_SIZE_TYPE,
  verifierOf,
  type NoteSignature,
} from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'
import { verifyEd25519 } from '@careseal/cosigner'
import { boundedRequest, type RequestFailure } from './bounded-request.js'
import type { WitnessAddress } from './witness-policy.js'

/** A checkpoint that the log has signed; `proofFrom` proves that it continues the tree of an older size. */
export type SignedCheckpoint = {
  note: string
  text: string
  size: number
  root: Hash
  proofFrom: (oldSize: number) => Promise<Hash[]>
}

/** `line` is a signature line whose signature verifies, `timestamp` the time that it states. */
export type Cosigned = { line: string; timestamp: number }

export type WitnessAnswer =
  | { cosigned: Cosigned }
  | { knownSize: number }
  | { status: number }
  | { failed: RequestFailure | 'malformed' | 'cosignature-invalid' | 'clock-ahead' }

/** What the witness shows as the largest checkpoint that it has co-signed; null when it has seen none. */
export type LatestAnswer = { note: string | null } | { failed: string }

const ANSWER_BYTES_MAX = 16 * 1024
const NOTE_BYTES_MAX = 64 * 1024
/** A verifier may refuse a cosignature from the future, and with it the whole note would look wrong. */
const AHEAD_SECONDS_MAX = 300

export class WitnessClient {
  constructor(
    private readonly witness: WitnessAddress,
    private readonly deadlineMs: number,
  ) {}

  get name(): string {
    return this.witness.name
  }

  /** Asks once. Rejects only when the proof cannot be made. */
  async addCheckpoint(checkpoint: SignedCheckpoint, oldSize: number, signal?: AbortSignal): Promise<WitnessAnswer> {
    const { note, size } = checkpoint
    const proof = oldSize > 0 && oldSize < size ? await checkpoint.proofFrom(oldSize) : []
    const answer = await boundedRequest({
      url: `${this.witness.url}/add-checkpoint`,
      body: formatAddCheckpoint({ oldSize: BigInt(oldSize), proof, note }),
      deadlineMs: this.deadlineMs,
      bytesMax: ANSWER_BYTES_MAX,
      ...(signal ? { signal } : {}),
    })
    if ('failed' in answer) return answer
    if (answer.status === 200) return this.cosignatureIn(answer.text, checkpoint.text)
    // Only this type carries a size (tlog-witness); other witnesses answer 409 for other reasons.
    const saysSize = answer.status === 409 && answer.contentType.split(';')[0]?.trim() === TREE_SIZE_TYPE
    return saysSize ? sizeIn(answer.text) : { status: answer.status }
  }

  /** The witness's own checkpoint of a log, as everybody can get it. */
  async latest(origin: string): Promise<LatestAnswer> {
    const url = `${this.witness.url}/${Buffer.from(sha256(utf8(origin))).toString('hex')}/checkpoint`
    const answer = await boundedRequest({ url, deadlineMs: this.deadlineMs, bytesMax: NOTE_BYTES_MAX })
    if ('failed' in answer) return answer
    if (answer.status === 200) return { note: answer.text }
    return answer.status === 404 ? { note: null } : { failed: String(answer.status) }
  }

  private async cosignatureIn(lines: string, text: string): Promise<WitnessAnswer> {
    const own = signaturesIn(lines, text)?.filter((one) => identityOf(one) === identityOf(this.witness.vkey))
    if (!own) return { failed: 'malformed' }
    const verifier = verifierOf(this.witness.vkey, verifyEd25519)
    for (const signature of own) {
      if (!(await verifier?.verify(utf8(text), signature.signature))) continue
      const { timestamp } = parseCosignature(signature.signature)
      if (timestamp > Date.now() / 1000 + AHEAD_SECONDS_MAX) return { failed: 'clock-ahead' }
      return { cosigned: { line: formatSignatureLine(signature), timestamp } }
    }
    return { failed: 'cosignature-invalid' }
  }
}

function signaturesIn(lines: string, text: string): NoteSignature[] | null {
  try {
    return parseNote(`${text}\n${lines}`).signatures
  } catch (error) {
    if (error instanceof Malformed) return null
    throw error
  }
}

function sizeIn(text: string): WitnessAnswer {
  const size = /^(0|[1-9]\d{0,15})\n$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(size) ? { knownSize: size } : { failed: 'malformed' }
}
