// A producer's chain, made up: what it says follows from its seed, so that any part of it can be told again.
import { sha256, utf8 } from '@careseal/crypto'
import { firstLink, leafEntryHash, nextLink } from '@careseal/ledger-core'
import type { Hash } from '@careseal/merkle'

export const HASH_BYTES = 32
/** Tag, commitment and link of one leaf. */
export const CHAINED_BYTES = 3 * HASH_BYTES

export class LeafChain {
  private readonly producer: string
  private readonly tagBase: string
  private readonly commitmentBase: string
  private link: Hash
  private seq: number

  /** From the leaf after `seq`, whose link is `link`; without it from the beginning. */
  constructor(chain: { origin: string; producer: string; seed: string }, at?: { seq: number; link: Hash }) {
    this.producer = chain.producer
    this.tagBase = Buffer.from(sha256(utf8(`tag ${chain.seed}`))).toString('hex', 0, 24)
    this.commitmentBase = Buffer.from(sha256(utf8(`commitment ${chain.seed}`))).toString('hex', 0, 24)
    this.link = at?.link ?? firstLink(sha256, chain.origin, chain.producer)
    this.seq = at?.seq ?? 0
  }

  next(): { producer: string; seq: number; tag: string; commitment: string; link: Hash } {
    this.seq += 1
    const count = this.seq.toString(16).padStart(16, '0')
    const leaf = {
      producer: this.producer,
      seq: this.seq,
      tag: this.tagBase + count,
      commitment: this.commitmentBase + count,
    }
    this.link = nextLink(sha256, this.link, leafEntryHash(sha256, leaf))
    return { ...leaf, link: this.link }
  }

  /** The next leaves, packed. */
  pack(count: number): Buffer<ArrayBuffer> {
    const packed = Buffer.from(new ArrayBuffer(count * CHAINED_BYTES))
    for (let place = 0; place < count; place++) {
      const { tag, commitment, link } = this.next()
      const at = place * CHAINED_BYTES
      packed.write(tag, at, 'hex')
      packed.write(commitment, at + HASH_BYTES, 'hex')
      packed.set(link, at + 2 * HASH_BYTES)
    }
    return packed
  }
}
