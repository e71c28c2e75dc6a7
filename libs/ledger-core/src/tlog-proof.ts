// C2SP tlog-proof: an inclusion proof with its checkpoint in one text file, checkable offline.
import { base64, fromBase64 } from '@careseal/crypto/portable'
import { HASH_BYTES, type Hash } from '@careseal/merkle'
import { Malformed, orMalformed, parseDecimal } from './malformed.js'

/** `checkpoint` is the signed note, verbatim; `extra` is authenticated by nothing. */
export type TlogProof = { index: number; proof: Hash[]; checkpoint: string; extra?: Uint8Array }

const MAGIC = 'c2sp.org/tlog-proof@v1'
const HASHES_MAX = 63

export function formatTlogProof({ index, proof, checkpoint, extra }: TlogProof): string {
  const lines = [
    MAGIC,
    ...(extra === undefined ? [] : [`extra ${base64(extra)}`]),
    `index ${index}`,
    ...proof.map(base64),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/** Reads a proof file and verifies nothing. Throws Malformed. */
export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n')
  if (split === -1) throw new Malformed('a proof file without a checkpoint')
  const checkpoint = text.slice(split + 2)
  if (!checkpoint.endsWith('\n')) throw new Malformed('a proof file that is cut off')
  const lines = text.slice(0, split).split('\n')
  if (lines.shift() !== MAGIC) throw new Malformed('not a proof file')
  const extra = lines[0]?.startsWith('extra ') ? bytesOf(lines.shift()!.slice('extra '.length)) : undefined
  const index = /^index (.*)$/.exec(lines.shift() ?? '')
  if (index === null) throw new Malformed('a proof file without an index')
  if (lines.length > HASHES_MAX) throw new Malformed('a proof with too many hashes')
  const parsed = { index: parseDecimal(index[1]!), proof: lines.map(hashOf), checkpoint }
  return extra === undefined ? parsed : { ...parsed, extra }
}

function hashOf(line: string): Hash {
  const hash = bytesOf(line)
  if (hash.length !== HASH_BYTES) throw new Malformed('a hash has 32 bytes')
  return hash
}

function bytesOf(text: string): Uint8Array {
  return orMalformed('not base64', () => fromBase64(text))
}
