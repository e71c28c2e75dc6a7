// A distribution as the record keeps it: how many, and the values that tell most of them.

export type Distribution = { count: number; min: number; p50: number; p90: number; p99: number; max: number }

/** Of at least one value; a percentile is the smallest value that so many do not exceed. */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number
  return { count: sorted.length, min: at(0), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}
