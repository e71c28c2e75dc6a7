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
  private table: BigUint64Array
  private kept = 0

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
    const at = this.placeOf(bits)
    if (this.table[at] === bits) return true
    this.table[at] = bits
    this.kept += 1
    if (this.kept * 4 > this.table.length * 3) this.grow()
    return false
  }

  /** Where the bits are, or the free place where they belong: there always is one. */
  private placeOf(bits: bigint): number {
    let at = Number((bits / BigInt(turnsFor(this.size))) % BigInt(this.table.length))
    while (this.table[at] !== 0n && this.table[at] !== bits) at = (at + 1) % this.table.length
    return at
  }

  // Only tags that somebody made up fall so unevenly, or are more than the ledger's size tells.
  private grow(): void {
    const full = this.table
    this.table = new BigUint64Array(2 * full.length)
    for (const bits of full) if (bits !== 0n) this.table[this.placeOf(bits)] = bits
  }
}

// All of its digits count: tags that somebody made up may differ in a few alone.
function folded(tag: string): bigint {
  const bytes = Buffer.from(tag, 'hex')
  return [0, 8, 16, 24].reduce((bits, at) => bits ^ bytes.readBigUInt64BE(at), 0n)
}
