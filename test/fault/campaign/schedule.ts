// Which faults happen when: a function of the seed alone. Faults on different targets come together, as they do.
import { seededRandom, type SeededRandom } from '@careseal/synthetic'
import { faultOf } from '../faults/every-fault.js'
import type { Fault } from '../faults/fault.js'
import { FAULT_KINDS, type FaultCounts } from '../faults/kinds.js'

export type Strike = { fault: Fault; afterMs: number; random: SeededRandom }

/** Faults that overlap. `settles`: whether the next one waits until everything works again. */
export type Volley = { strikes: Strike[]; settles: boolean }

const APART_MS_MAX = 900
const IMPATIENT = 0.25

export function scheduleOf(counts: FaultCounts, { seed, atOnce }: { seed: string; atOnce: number }): Volley[] {
  const random = seededRandom(`${seed}/schedule`)
  const left = random.shuffle(
    FAULT_KINDS.flatMap((kind) => Array.from({ length: counts[kind] ?? 0 }, () => faultOf(kind))),
  )
  const volleys: Volley[] = []
  while (left.length > 0) {
    const faults = take(left, random.integer(1, atOnce))
    const isAlone = faults.some(({ target }) => target === 'all')
    volleys.push({
      settles: isAlone || left[0]?.target === 'all' || !random.chance(IMPATIENT),
      strikes: faults.map((fault, index) => ({
        fault,
        afterMs: index === 0 ? 0 : random.integer(0, APART_MS_MAX),
        random: seededRandom(`${seed}/${volleys.length}/${index}`),
      })),
    })
  }
  return volleys
}

// In order, skipping what has a target already; what goes with no other goes alone.
function take(left: Fault[], atMost: number): Fault[] {
  const [first] = left.splice(0, 1) as [Fault]
  const taken = [first]
  if (first.target === 'all') return taken
  for (let index = 0; index < left.length && taken.length < atMost;) {
    const next = left[index] as Fault
    if (next.target === 'all') break
    if (taken.some(({ target }) => target === next.target)) index += 1
    else taken.push(...left.splice(index, 1))
  }
  return taken
}
