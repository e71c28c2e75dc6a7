// Numbers of a series of measurements. Nearest rank, so that each percentile is a value that was really measured.

/** In the unit of the values. */
export type Distribution = {
  count: number
  mean: number
  p50: number
  p90: number
  p95: number
  p99: number
  max: number
}

/** The smallest value that at least `percent` of all values do not exceed. Throws a RangeError without values. */
export function percentile(sorted: readonly number[], percent: number): number {
  if (sorted.length === 0) throw new RangeError('no percentile of nothing')
  if (percent < 0 || percent > 100) throw new RangeError('a percentile is between 0 and 100')
  const rank = Math.max(1, Math.ceil((percent * sorted.length) / 100))
  return sorted[rank - 1] as number
}

export function distributionOf(values: readonly number[]): Distribution {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (percent: number) => rounded(percentile(sorted, percent))
  return {
    count: sorted.length,
    mean: rounded(sorted.reduce((sum, value) => sum + value, 0) / sorted.length),
    p50: at(50),
    p90: at(90),
    p95: at(95),
    p99: at(99),
    max: at(100),
  }
}

/** Per second; 0 when no time has passed, for that measures nothing. */
export function ratePerSecond(count: number, milliseconds: number): number {
  return milliseconds > 0 ? rounded((count * 1000) / milliseconds) : 0
}

/** How much of the bare operation's rate is left; null when there is nothing to compare with. */
export function ratio(measured: number, bare: number): number | null {
  return bare > 0 ? rounded(measured / bare) : null
}

/** The greatest cost over the least: 1 is flat. Throws a RangeError without positive costs. */
export function flatness(costs: readonly number[]): number {
  const least = Math.min(...costs)
  if (costs.length === 0 || least <= 0) throw new RangeError('flatness needs positive costs')
  return rounded(Math.max(...costs) / least)
}

/** Four significant digits: more would pretend. */
export function rounded(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(4))
}
