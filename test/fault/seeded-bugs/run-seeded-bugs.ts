// Puts one bug after the other into a copy of the built code. A bug is caught when its named test passes without it and
// fails with it.
import { join } from 'node:path'
import { runTests, type TestOutcome } from './run-test.js'
import type { NamedTest, SeededBug } from './seeded-bug.js'
import { bugsNamed } from './seeded-bugs.js'
import { WorkspaceCopy } from './workspace-copy.js'

export const REPOSITORY = join(import.meta.dirname, '..', '..', '..')

export type SeededBugResult = {
  name: string
  caughtBy: NamedTest
  passedBefore: boolean
  failedAfter: boolean
  /** How the test failed with the bug in; or why the bug counts as not caught. */
  reason: string
  seconds: number
}

export type SeededBugProgress = { name: string; step: 'without the bug' | 'with the bug'; done: number; total: number }

export type SeededBugOptions = {
  onProgress?: (progress: SeededBugProgress) => void
  onResult?: (result: SeededBugResult) => void
}

type Baseline = (test: NamedTest) => Promise<TestOutcome>

/** Runs these bugs, or all when none is named. Throws PatchDoesNotFit before anything runs when a patch is out of date. */
export async function runSeededBugs(
  names: readonly string[] = [],
  { onProgress, onResult }: SeededBugOptions = {},
): Promise<SeededBugResult[]> {
  const bugs = bugsNamed(names)
  const copy = new WorkspaceCopy(REPOSITORY)
  try {
    for (const bug of bugs) await copy.withBug(bug, async () => {})
    const baseline = baselineOf(copy, bugs)
    const results: SeededBugResult[] = []
    for (const bug of bugs) {
      const tell = (step: SeededBugProgress['step']) =>
        onProgress?.({ name: bug.name, step, done: results.length, total: bugs.length })
      const result = await runOne(copy, bug, { baseline, tell })
      results.push(result)
      onResult?.(result)
    }
    return results
  } finally {
    copy.remove()
  }
}

async function runOne(
  copy: WorkspaceCopy,
  bug: SeededBug,
  { baseline, tell }: { baseline: Baseline; tell: (step: SeededBugProgress['step']) => void },
): Promise<SeededBugResult> {
  const startedAt = performance.now()
  const { name, caughtBy } = bug
  const resultOf = (passedBefore: boolean, failedAfter: boolean, reason: string): SeededBugResult => {
    return { name, caughtBy, passedBefore, failedAfter, reason, seconds: (performance.now() - startedAt) / 1000 }
  }
  tell('without the bug')
  const before = await baseline(caughtBy)
  if (before.status !== 'passed') return resultOf(false, false, `without the bug: ${before.reason}`)
  tell('with the bug')
  const after = await copy.withBug(bug, () => runTests(copy.folder, caughtBy.file, [caughtBy.name]))
  const outcome = after.get(caughtBy.name)!
  if (outcome.status === 'passed') return resultOf(true, false, 'the test passes with the bug in')
  return resultOf(true, outcome.status === 'failed', outcome.reason)
}

/** Each file once: all of its tests that are asked for, in the code as it is. */
function baselineOf(copy: WorkspaceCopy, bugs: readonly SeededBug[]): Baseline {
  const known = new Map<string, Promise<Map<string, TestOutcome>>>()
  return async ({ file, name }) => {
    const names = bugs.flatMap(({ caughtBy }) => (caughtBy.file === file ? caughtBy.name : []))
    const outcomes = known.get(file) ?? runTests(copy.folder, file, names)
    known.set(file, outcomes)
    return (await outcomes).get(name)!
  }
}
