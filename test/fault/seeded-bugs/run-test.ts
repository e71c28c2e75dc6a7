// Runs named tests of one file in a copy of the repository and tells how each ended. A test that did not run has shown
// nothing, and neither has one that only ran out of time.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export type TestOutcome = { status: 'passed' } | { status: 'failed' | 'not-run'; reason: string }

const BUDGET_MS = 10 * 60_000
const OUT_OF_TIME = /^Error: (Test|Hook) timed out in/
/** What Vitest and Nx set for their children would make the inner run one of theirs. */
const NOT_PASSED_ON = /^(VITEST|NX_|TEST_RESULTS_FILE|NODE_OPTIONS|CARESEAL_LONG)/

type TestResult = { ancestorTitles: string[]; title: string; status: string; failureMessages?: string[] }
type Results = { testResults: { message?: string; assertionResults: TestResult[] }[] }

/** The outcomes by name. The copy's code is read anew: each call is a process of its own. */
export async function runTests(
  folder: string,
  file: string,
  names: readonly string[],
): Promise<Map<string, TestOutcome>> {
  const output = join(folder, 'results.json')
  rmSync(output, { force: true })
  const log = await vitest(folder, [file, '-t', names.map(escaped).join('|'), `--outputFile=${output}`])
  const results = existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as Results) : null
  return new Map(names.map((name) => [name, results ? outcomeOf(results, name) : notRun(lastLines(log))]))
}

function outcomeOf({ testResults }: Results, name: string): TestOutcome {
  const test = testResults.flatMap((suite) => suite.assertionResults).find((one) => nameOf(one) === name)
  if (!test) return notRun(testResults[0]?.message || 'there is no test of this name')
  if (test.status === 'passed') return { status: 'passed' }
  const reason = test.failureMessages?.[0]?.split('\n')[0] ?? ''
  if (test.status !== 'failed' || reason === '') return notRun(testResults[0]?.message || test.status)
  return OUT_OF_TIME.test(reason) ? notRun(reason) : { status: 'failed', reason }
}

const nameOf = ({ ancestorTitles, title }: TestResult): string => [...ancestorTitles, title].join(' > ')

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function notRun(reason: string): TestOutcome {
  return { status: 'not-run', reason }
}

function vitest(folder: string, args: readonly string[]): Promise<string> {
  const config = join(folder, 'test', 'fault', 'seeded-bugs', 'built-code', 'vitest.config.ts')
  const script = join(folder, 'node_modules', 'vitest', 'vitest.mjs')
  const child = spawn(process.execPath, [script, 'run', '--config', config, '--reporter=json', ...args], {
    cwd: folder,
    env: surroundings(),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: BUDGET_MS,
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const end = () => void child.kill()
  process.once('exit', end)
  return new Promise<string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve(log))
  }).finally(() => process.off('exit', end))
}

function surroundings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_PASSED_ON.test(name)))
}

function lastLines(log: string): string {
  return log.trim().split('\n').slice(-5).join('\n') || 'it left no results'
}
