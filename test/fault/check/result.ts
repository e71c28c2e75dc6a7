/** One fault: which invariant (design, I1–I22) it breaks, what is wrong, and where. Ids only, never content. */
export type Violation = { invariant: string; what: string; where: string }

/** How many things a check looked at, so that "nothing found" can be told from "nothing looked at". */
export type CheckResult = { name: string; invariants: string[]; checked: number; violations: Violation[] }

/** Collects what one check finds. */
export class Check {
  private checked = 0
  private readonly violations: Violation[] = []

  constructor(
    private readonly name: string,
    private readonly invariants: string[],
  ) {}

  /** Counts one thing looked at, and records a violation unless `holds`. */
  expect(holds: boolean, describe: () => Violation): void {
    this.checked += 1
    if (!holds) this.violations.push(describe())
  }

  result(): CheckResult {
    const { name, invariants, checked, violations } = this
    return { name, invariants, checked, violations }
  }
}
