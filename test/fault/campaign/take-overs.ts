// How long it takes until another sequencer seals, and when that is too long. Whatever else a machine does only adds to
// it, so a few say nothing of their median, and two-sequencers.fault.spec.ts looks at the fastest of them.
import { distributionOf } from '../long/distribution.js'
import { Check, type CheckResult } from '../check/result.js'
import type { FailOver } from './test-bed.js'

export const TAKE_OVER_MS_MAX = 2_000

/** A median of fewer says little. */
const MANY = 20

/** Milliseconds from each strike on whoever sealed until another sealed. */
export function takeOversOf(failOvers: readonly FailOver[]): number[] {
  return failOvers.filter(({ kind }) => !kind.includes('next block')).map(({ milliseconds }) => milliseconds)
}

/** No check where too little was taken over. */
export function takeOverCheck(failOvers: readonly FailOver[]): CheckResult[] {
  const times = takeOversOf(failOvers)
  if (times.length < MANY) return []
  const { p50, count } = distributionOf(times)
  const check = new Check(`the median take-over is done within ${TAKE_OVER_MS_MAX} ms`, [])
  const what = `the median of ${count} took ${p50} ms`
  check.expect(p50 <= TAKE_OVER_MS_MAX, () => ({ invariant: 'take-over', what, where: JSON.stringify(times) }))
  return [check.result()]
}
