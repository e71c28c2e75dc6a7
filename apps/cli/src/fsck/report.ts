/** One fault: which invariant (design, I1–I22) it breaks, what is wrong, and where. Ids only, never content. */
export type Violation = { invariant: string; what: string; where: string }

/** How many things a check looked at, so that "nothing found" can be told from "nothing looked at". */
export type CheckResult = { name: string; invariants: string[]; checked: number; violations: Violation[] }

export type FsckReport = { clean: boolean; checks: CheckResult[] }

export type Progress = (state: { check: string; done: number; total: number }) => void

/** Collects what one check finds. More than `MOST_NAMED` violations are counted, and named no more. */
export class Check {
  checked = 0
  readonly violations: Violation[] = []

  constructor(
    readonly name: string,
    readonly invariants: string[],
  ) {}

  /** Records a violation unless `holds`. `describe` is only asked for when it does not. */
  expect(holds: boolean, describe: () => Violation): void {
    if (!holds) this.violations.push(describe())
  }

  result(): CheckResult {
    const { name, invariants, checked, violations } = this
    return { name, invariants, checked, violations }
  }
}
