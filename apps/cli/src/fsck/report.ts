import { invariantLines, type InvariantId, type InvariantLine } from './invariants.js'

/** One fault: which invariant (design, I1–I22) it breaks, what is wrong, and where. Ids only, never content. */
export type Violation = { invariant: InvariantId; what: string; where: string }

/**
 * How many things a check looked at, so that "nothing found" can be told from "nothing looked at". `violations` holds
 * the first `MOST_NAMED`; `counts` has all of them, by invariant.
 */
export type CheckResult = {
  name: string
  invariants: InvariantId[]
  checked: number
  violations: Violation[]
  counts: Partial<Record<InvariantId, number>>
  passing: boolean
}

export type FsckReport = { clean: boolean; checks: CheckResult[]; invariants: InvariantLine[] }

export type Progress = (state: { check: string; done: number; total: number }) => void

/** More faults of one check are counted and not named: a broken key file alone would name every event. */
export const MOST_NAMED = 100

/** Collects what one check finds. */
export class Check {
  checked = 0
  private readonly violations: Violation[] = []
  private readonly counts: Partial<Record<InvariantId, number>> = {}

  /** `passing`: what it finds on a ledger that is written to may be gone a second later. */
  constructor(
    readonly name: string,
    readonly invariants: InvariantId[],
    private readonly passing = false,
  ) {}

  /** Records a violation unless `holds`. `describe` is only asked for when it does not. */
  expect(holds: boolean, describe: () => Violation): void {
    if (holds) return
    const violation = describe()
    this.counts[violation.invariant] = (this.counts[violation.invariant] ?? 0) + 1
    if (this.violations.length < MOST_NAMED) this.violations.push(violation)
  }

  result(): CheckResult {
    const { name, invariants, checked, violations, counts, passing } = this
    return { name, invariants, checked, violations, counts, passing }
  }
}

/** How many faults a check found, named or not. */
export function countOf({ counts }: CheckResult): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

export function reportOf(found: readonly Check[], scope: 'databases' | 'export'): FsckReport {
  const checks = found.map((check) => check.result())
  return { clean: checks.every((check) => countOf(check) === 0), checks, invariants: invariantLines(checks, scope) }
}
