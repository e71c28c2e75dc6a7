// Adds up what ran: tests from vitest's JSON files, other checks from the record that Nx keeps of its last run.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

/** @typedef {{ passed: number, failed: number, skipped: string[], failures: string[] }} Counts */

export function noCounts() {
  return { passed: 0, failed: 0, skipped: [], failures: [] }
}

export function add(total, more) {
  total.passed += more.passed
  total.failed += more.failed
  total.skipped.push(...more.skipped)
  total.failures.push(...more.failures)
}

/** The counts of one vitest JSON file. A run that left none, or that broke outside of its tests, is one failure. */
export function countsOfVitest(file, root, exitCode) {
  if (!existsSync(file)) return exitCode === 0 ? noCounts() : broken(`${relative(root, file)}: ended without results`)
  const results = JSON.parse(readFileSync(file, 'utf8'))
  const counts = noCounts()
  for (const suite of results.testResults) addSuite(counts, suite, root)
  const isBrokenOutside = counts.failed === 0 && (exitCode !== 0 || results.success === false)
  if (isBrokenOutside) add(counts, broken(`${relative(root, file)}: failed outside of its tests`))
  return counts
}

function addSuite(counts, suite, root) {
  const where = relative(root, suite.name)
  for (const test of suite.assertionResults) {
    if (test.status === 'passed') counts.passed += 1
    else if (test.status === 'failed') add(counts, broken(`${where}: ${test.fullName}`))
    else counts.skipped.push(`${where}: ${test.fullName}`)
  }
  const isBroken = suite.status === 'failed' && !suite.assertionResults.some((test) => test.status === 'failed')
  if (isBroken) add(counts, broken(`${where}: ${firstLine(suite.message)}`))
}

const firstLine = (text) => String(text ?? 'failed').split('\n')[0]

function broken(what) {
  return { passed: 0, failed: 1, skipped: [], failures: [what] }
}

/** What Nx ran last, out of its cache folder: each task with its exit code. */
export function tasksOfLastRun(cache, since) {
  const file = `${cache}/run.json`
  if (!existsSync(file)) return []
  const { run, tasks } = JSON.parse(readFileSync(file, 'utf8'))
  return new Date(run.endTime).getTime() >= since ? tasks : []
}

/** One check for each task. */
export function countsOfTasks(tasks) {
  const counts = noCounts()
  for (const { taskId, status } of tasks) {
    if (Number(status ?? 0) === 0) counts.passed += 1
    else add(counts, broken(taskId))
  }
  return counts
}
