// Finds a tag that two leaves share, over any number of leaves in a bounded memory: what does not fit into one table is
// looked at in as many turns as it takes, each for its share of all tags.

/** Leaves whose tags fit into one turn's table. */
export const TAGS_PER_TURN = 2 ** 22

/** How many turns a ledger of this size takes. */
export function turnsFor(size: number): number {
  return Math.max(1, Math.ceil(size / TAGS_PER_TURN))
}

/** One turn: told of every tag, it keeps those of its share by their first 64 bits. */
export class TagTurn {
  private readonly table: BigUint64Array

  /** `size` is that of the ledger; turns count from 0. */
  constructor(
    private readonly turn: number,
    private readonly size: number,
  ) {
    this.table = new BigUint64Array(2 * Math.min(size, TAGS_PER_TURN) + 1024)
  }

  /** Whether an earlier tag had the same 64 bits: by chance in one of 10^6 ledgers with 10^6 leaves. */
  isRepeated(tag: string): boolean {
    const bits = BigInt(`0x${tag.slice(0, 16)}`) || 1n
    if (Number.parseInt(tag.slice(16, 24), 16) % turnsFor(this.size) !== this.turn) return false
    let at = Number.parseInt(tag.slice(24, 32), 16) % this.table.length
    while (this.table[at] !== 0n) {
      if (this.table[at] === bits) return true
      at = (at + 1) % this.table.length
    }
    this.table[at] = bits
    return false
  }
}
