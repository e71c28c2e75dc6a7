// All seeded bugs. A checker that does not see them is worth nothing.
import { ACCESS_BUGS } from './bugs/access-bugs.js'
import { DELIVERY_BUGS } from './bugs/delivery-bugs.js'
import { LEDGER_BUGS } from './bugs/ledger-bugs.js'
import { PRODUCER_BUGS } from './bugs/producer-bugs.js'
import { WITNESS_BUGS } from './bugs/witness-bugs.js'
import type { SeededBug } from './seeded-bug.js'

export const SEEDED_BUGS: readonly SeededBug[] = [
  ...PRODUCER_BUGS,
  ...DELIVERY_BUGS,
  ...LEDGER_BUGS,
  ...ACCESS_BUGS,
  ...WITNESS_BUGS,
]

/** The bugs of these names, in the order of the list; all of them when none is named. */
export function bugsNamed(names: readonly string[]): SeededBug[] {
  const unknown = names.find((name) => !SEEDED_BUGS.some((bug) => bug.name === name))
  if (unknown !== undefined) throw new Error(`there is no seeded bug ${unknown}: see --list`)
  return SEEDED_BUGS.filter((bug) => names.length === 0 || names.includes(bug.name))
}
