// A log to witness: a key, trees of leaves of which leaf 0 can be salted, and the requests of somebody who lies or not.
import { formatKeyFile, parseKeyFile } from '@careseal/cosigner'
import { sha256 } from '@careseal/crypto'
import {
  COSIGNATURE_V1,
  ED25519,
  formatAddCheckpoint,
  formatCheckpoint,
  formatVkey,
  parseVkey,
  signNote,
  verifierOf,
  verifyNote,
  type NoteSigner,
} from '@careseal/ledger-core'
import { verifyEd25519 } from '@careseal/cosigner'
import { consistencyProof, merkleRoot, type Hash } from '@careseal/merkle'

export const primitives = { sha256, verifyEd25519 }

/** Trees with another salt have another first leaf: another history. */
export type Asked = { size: number; from?: number; salt?: number; origin?: string; proof?: Hash[] }

export class TestLog {
  readonly vkey: string
  readonly signer: NoteSigner

  constructor(
    readonly origin: string,
    fill = 1,
  ) {
    const key = parseKeyFile(ED25519, formatKeyFile({ name: origin, type: ED25519 }, new Uint8Array(32).fill(fill)))
    this.vkey = formatVkey(key.vkey)
    this.signer = { ...key.vkey, sign: key.sign }
  }

  root(size: number, salt = 0): Hash {
    return merkleRoot(sha256, leaves(size, salt))
  }

  checkpoint({ size, salt = 0, origin = this.origin }: Asked): Promise<string> {
    return signNote(formatCheckpoint({ origin, size, root: this.root(size, salt) }), this.signer)
  }

  /** The body of add-checkpoint; with the proof of the tree that is asked for, unless another is given. */
  async request(asked: Asked): Promise<string> {
    const { size, from = 0, salt = 0 } = asked
    const rangeHash = (start: number, end: number) => merkleRoot(sha256, leaves(size, salt).slice(start, end))
    const grows = from > 0 && from < size
    const proof = asked.proof ?? (grows ? await consistencyProof(from, size, rangeHash) : [])
    return formatAddCheckpoint({ oldSize: BigInt(from), proof, note: await this.checkpoint(asked) })
  }
}

function leaves(count: number, salt: number): Hash[] {
  return Array.from({ length: count }, (_, i) => sha256(Uint8Array.of(i & 255, i >> 8, i === 0 ? salt : 0)))
}

/** The times of the cosignatures that these keys made on a note. Throws when there is none, or one that fails. */
export async function cosignedAt(note: string, vkeys: readonly string[]): Promise<number[]> {
  const keys = vkeys.map((text) => parseVkey(sha256, text)).filter(({ type }) => type === COSIGNATURE_V1)
  const verifiers = keys.map((vkey) => verifierOf(vkey, verifyEd25519)!)
  const { verified } = await verifyNote(note, verifiers)
  return verified.map(({ signature }) => Number(new DataView(signature.slice(0, 8).buffer).getBigUint64(0)))
}
