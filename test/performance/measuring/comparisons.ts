import type { Comparison, Measure } from '../result.js'
import type { Bare } from './bare.js'
import { ratio } from './statistics.js'

/** Holds one measure against each bare operation. */
export function comparisonsOf(measure: Measure, bare: readonly Bare[]): Comparison[] {
  return bare.map((one) => ({ ...one, measure: measure.name, ratio: ratio(measure.value, one.value) }))
}
