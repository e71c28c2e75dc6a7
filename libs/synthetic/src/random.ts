// Numbers that look random and are the same for the same seed, on every machine. Not for keys or ids that must be
// unguessable.

/** A sequence of seeded pseudo-random draws. */
export type SeededRandom = {
  /** The next number in [0, 1). */
  next(): number
  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number
  /** A number with `digits` decimals from `low` to `high`. */
  decimal(low: number, high: number, digits: number): number
  /** True with this probability. */
  chance(probability: number): boolean
  /** One of the items. Throws on an empty list. */
  pick<T>(items: readonly T[]): T
  /** The items in another order; the list itself stays. */
  shuffle<T>(items: readonly T[]): T[]
  /** A version 4 UUID. */
  uuid(): string
  /** So many bytes. */
  bytes(count: number): Uint8Array
}

/** Draws from splitmix32 over a 32-bit hash of the seed. Equal seeds give equal sequences. */
export function seededRandom(seed: string | number): SeededRandom {
  let state = hash32(String(seed))
  const next32 = () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
  return drawsFrom(next32)
}

function drawsFrom(next32: () => number): SeededRandom {
  const next = () => next32() / 2 ** 32
  const integer = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => next32() & 0xff)
  const shuffle = <T>(items: readonly T[]): T[] => {
    const result = [...items]
    for (let i = result.length - 1; i > 0; i--) {
      const j = integer(0, i)
      ;[result[i], result[j]] = [result[j] as T, result[i] as T]
    }
    return result
  }
  return {
    next,
    integer,
    bytes,
    shuffle,
    decimal: (low, high, digits) => Number((low + next() * (high - low)).toFixed(digits)),
    chance: (probability) => next() < probability,
    pick: (items) => {
      if (items.length === 0) throw new Error('nothing to pick from')
      return items[integer(0, items.length - 1)] as (typeof items)[number]
    },
    uuid: () => uuidFrom(bytes(16)),
  }
}

function uuidFrom(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3]
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20),
  ].join('-')
}

// FNV-1a: short, and good enough to spread seeds that differ in one digit.
function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) as number), 0x01000193)
  return hash
}
