// Finds a tag that two leaves share, over any number of leaves in a bounded memory: what does not fit into one table is
// looked at in as many turns as it takes, each for its share of all tags.

/** Leaves whose tags fit into one turn's table. */
export const TAGS_PER_TURN = 2 ** 22

/** How many turns a ledger of this size takes. */
export function turnsFor(size: number): number {
  return Math.max(1, Math.ceil(size / TAGS_PER_TURN))
}

/** One turn: told of every tag, it keeps those of its share, each folded to 64 bits. */
export class TagTurn {
  private readonly table: BigUint64Array

  /** `size` is that of the ledger; turns count from 0. */
  constructor(
    private readonly turn: number,
    private readonly size: number,
  ) {
    this.table = new BigUint64Array(2 * Math.min(size, TAGS_PER_TURN) + 1024)
  }

  /** Whether an earlier tag folds to the same 64 bits: by chance in one of 10^7 ledgers with 10^6 leaves. */
  isRepeated(tag: string): boolean {
    const bits = folded(tag) || 1n
    const turns = BigInt(turnsFor(this.size))
    if (Number(bits % turns) !== this.turn) return false
    let at = Number((bits / turns) % BigInt(this.table.length))
    while (this.table[at] !== 0n) {
      if (this.table[at] === bits) return true
      at = (at + 1) % this.table.length
    }
    this.table[at] = bits
    return false
  }
}

// All of its digits count: tags that somebody made up may differ in a few alone.
function folded(tag: string): bigint {
  const bytes = Buffer.from(tag, 'hex')
  return [0, 8, 16, 24].reduce((bits, at) => bits ^ bytes.readBigUInt64BE(at), 0n)
}
