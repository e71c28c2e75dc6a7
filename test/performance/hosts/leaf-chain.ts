// A producer's chain, made up: what it says follows from its seed, so that any part of it can be told again.
import { sha256, utf8 } from '@careseal/crypto'
import { firstLink, LeafHasher, nextLink, type Leaf } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'

export const HASH_BYTES = 32
/** Tag, commitment and link of one leaf. */
export const CHAINED_BYTES = 3 * HASH_BYTES
/** A tag and a commitment end with the seq. */
const SEQ_BYTES = 6

export class LeafChain {
  private readonly producer: string
  private readonly tagBase: Uint8Array
  private readonly commitmentBase: Uint8Array
  private readonly hasher = new LeafHasher(sha256)
  private link: Hash
  private seq: number

  /** From the leaf after `seq`, whose link is `link`; without it from the beginning. */
  constructor(chain: { origin: string; producer: string; seed: string }, at?: { seq: number; link: Hash }) {
    this.producer = chain.producer
    this.tagBase = sha256(utf8(`tag ${chain.seed}`))
    this.commitmentBase = sha256(utf8(`commitment ${chain.seed}`))
    this.link = at?.link ?? firstLink(sha256, chain.origin, chain.producer)
    this.seq = at?.seq ?? 0
  }

  next(): Leaf {
    const packed = this.pack(1)
    const tag = packed.toString('hex', 0, HASH_BYTES)
    return {
      producer: this.producer,
      seq: this.seq,
      tag,
      commitment: packed.toString('hex', HASH_BYTES, 2 * HASH_BYTES),
    }
  }

  /** The next leaves, packed. */
  pack(count: number): Buffer<ArrayBuffer> {
    const packed = Buffer.from(new ArrayBuffer(count * CHAINED_BYTES))
    for (let at = 0; at < packed.length; at += CHAINED_BYTES) this.step(packed, at)
    return packed
  }

  private step(packed: Buffer, at: number): void {
    const { producer } = this
    const seq = ++this.seq
    packed.set(this.tagBase, at)
    packed.writeUIntBE(seq, at + HASH_BYTES - SEQ_BYTES, SEQ_BYTES)
    packed.set(this.commitmentBase, at + HASH_BYTES)
    packed.writeUIntBE(seq, at + 2 * HASH_BYTES - SEQ_BYTES, SEQ_BYTES)
    this.link = nextLink(sha256, this.link, this.hasher.hash({ producer, seq }, packed, at))
    packed.set(this.link, at + 2 * HASH_BYTES)
  }
}
