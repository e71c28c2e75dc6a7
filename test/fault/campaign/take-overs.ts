// How long it takes until another sequencer seals, and when that is too long. Whatever else a machine does only adds to
// it: so few take-overs are judged by the fastest of them (small run), many by their median (long run).
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

/** No check where nothing was taken over. */
export function takeOverCheck(failOvers: readonly FailOver[]): CheckResult[] {
  const times = takeOversOf(failOvers)
  if (times.length === 0) return []
  const { min, p50 } = distributionOf(times)
  const [judged, name] = times.length < MANY ? [min, 'fastest'] : [p50, 'median']
  const check = new Check(`the ${name} take-over is done within ${TAKE_OVER_MS_MAX} ms`, [])
  const what = `the ${name} of ${times.length} took ${judged} ms`
  check.expect(judged <= TAKE_OVER_MS_MAX, () => ({ invariant: 'take-over', what, where: JSON.stringify(times) }))
  return [check.result()]
}
