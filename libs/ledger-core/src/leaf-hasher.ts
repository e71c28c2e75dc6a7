// The hashes of very many leaves: each is spelled into the same few bytes of memory and hashed there, so that a leaf costs
// its SHA-256 and little else. encodeLeaf is the plain spelling of the same bytes, and this one is tested against it.
import { utf8 } from '@careseal/crypto/portable'
import type { Hash, Sha256 } from '@careseal/merkle'
import { checkProducer } from './entry.js'
import { Malformed } from './malformed.js'

/** Tag and commitment, 32 bytes each: all of a leaf that its run does not tell. */
export const PACKED_LEAF_BYTES = 64

const HASH_BYTES = 32
/** The longest leaf, with the 0x00 of the tree before it, has fewer. */
const SCRATCH_BYTES = 512

const DIGITS = utf8('0123456789abcdef')
const COMMITMENT = utf8('\0{"leaf":{"commitment":"')
const TAG = utf8(',"tag":"')
const END = utf8('","v":1}}')

export class LeafHasher {
  private readonly scratch = new Uint8Array(SCRATCH_BYTES)
  private producer: string | undefined
  private seqAt = 0

  constructor(private readonly sha256: Sha256) {
    this.scratch.set(COMMITMENT)
  }

  /**
   * `leafEntryHash` of the leaf whose tag and commitment stand in `packed` from `at` on.
   *
   * Throws Malformed for a producer or seq out of bounds, a RangeError when `packed` ends before the leaf does.
   */
  hash({ producer, seq }: { producer: string; seq: number }, packed: Uint8Array, at: number): Hash {
    if (at < 0 || at + PACKED_LEAF_BYTES > packed.length) throw new RangeError('a packed leaf has 64 bytes')
    if (!Number.isSafeInteger(seq) || seq < 1) throw new Malformed('not an integer from 1')
    const { scratch } = this
    if (producer !== this.producer) this.beginRun(producer)
    this.spellHash(packed, at + HASH_BYTES, COMMITMENT.length)
    let end = this.spellDecimal(seq, this.seqAt)
    scratch.set(TAG, end)
    end += TAG.length
    this.spellHash(packed, at, end)
    end += 2 * HASH_BYTES
    scratch.set(END, end)
    return this.sha256(scratch.subarray(0, end + END.length))
  }

  // What stands between commitment and seq is the same for all leaves of a run.
  private beginRun(producer: string): void {
    checkProducer(producer)
    const middle = utf8(`","producer":"${producer}","seq":`)
    const at = COMMITMENT.length + 2 * HASH_BYTES
    this.scratch.set(middle, at)
    this.producer = producer
    this.seqAt = at + middle.length
  }

  private spellHash(packed: Uint8Array, from: number, at: number): void {
    const { scratch } = this
    for (let i = 0; i < HASH_BYTES; i++) {
      const byte = packed[from + i] as number
      scratch[at + 2 * i] = DIGITS[byte >> 4] as number
      scratch[at + 2 * i + 1] = DIGITS[byte & 15] as number
    }
  }

  private spellDecimal(value: number, at: number): number {
    const text = String(value)
    for (let i = 0; i < text.length; i++) this.scratch[at + i] = text.charCodeAt(i)
    return at + text.length
  }
}
