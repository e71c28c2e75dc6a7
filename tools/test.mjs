// `npm test`: everything that shows that it works, from a bare clone. The last line adds it all up; the exit code tells.
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bootstrap, environment, NX_CACHE, repositoryNode, ROOT } from './bootstrap.mjs'
import { add, countsOfTasks, countsOfVitest, noCounts, tasksOfLastRun } from './test-results.mjs'

const RESULTS = join(ROOT, 'tmp', 'test-results')
const NX = join(ROOT, 'node_modules', 'nx', 'dist', 'bin', 'nx.js')
const VITEST = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs')

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))

/** Stages in order; each is named on the command line to run it alone. */
const STAGES = [
  {
    name: 'check',
    title: 'Build, types, lint, format, boundaries',
    run: () => nx('build lint format boundaries types'),
  },
  { name: 'unit', title: 'Unit tests', run: () => vitest('unit', 20) },
  { name: 'int', title: 'Integration tests: real Postgres and NATS', run: () => vitest('int', 30) },
  { name: 'e2e', title: 'End to end: the whole ledger as users run it', run: () => vitest('e2e', 30) },
  { name: 'fault', title: 'Faults: kills in the middle of the work', run: () => vitest('fault', 40) },
]

const line = (text) => process.stdout.write(`${text}\n`)
const total = noCounts()
let running = null
const startedAt = Date.now()

try {
  bootstrap((line) => process.stdout.write(`… ${line}\n`))
} catch (error) {
  process.stdout.write(`careseal: ${error.message}\n0 passed, 1 failed, 0 skipped\n`)
  process.exit(1)
}
mkdirSync(RESULTS, { recursive: true })
endOnSignal()
for (const stage of STAGES.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  process.stdout.write(`\n── ${stage.title}\n`)
  const counts = await stage.run()
  process.stdout.write(`── ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped\n`)
  add(total, counts)
}
report()
process.exitCode = total.failed > 0 ? 1 : 0

async function nx(targets) {
  const since = Date.now()
  const args = [NX, 'run-many', '-t', ...targets.split(' '), '--nxBail=false', '--outputStyle=static']
  const code = await run(args, 30)
  const tasks = tasksOfLastRun(NX_CACHE, since)
  const counts = countsOfTasks(tasks)
  // Nx itself failed: nothing ran, and that is no success.
  if (code !== 0 && counts.failed === 0) add(counts, { ...noCounts(), failed: 1, failures: [`nx ${targets}`] })
  return counts
}

async function vitest(project, minutes) {
  const file = join(RESULTS, `${project}.json`)
  rmSync(file, { force: true })
  const env = { TEST_RESULTS_FILE: file }
  const code = await run([VITEST, 'run', '--project', project, '--passWithNoTests'], minutes, env)
  return countsOfVitest(file, ROOT, code)
}

// A stage that exceeds its budget is ended, and fails by having no results.
function run(args, minutes, env = {}) {
  const child = spawn(repositoryNode(), args, { cwd: ROOT, env: { ...environment(), ...env }, stdio: 'inherit' })
  const timer = setTimeout(() => child.kill('SIGTERM'), minutes * 60_000)
  running = child
  return new Promise((resolve) => {
    child.on('exit', (code) => {
      clearTimeout(timer)
      resolve(code ?? 1)
    })
  })
}

// A Ctrl-C reaches the children by itself; what is sent to this process alone is passed on. Either ends all stages.
function endOnSignal() {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      running?.once('exit', () => process.exit(130))
      running?.kill('SIGTERM')
      setTimeout(() => process.exit(130), 30_000).unref()
    })
  }
}

function report() {
  line('')
  if (total.skipped.length > 0) line('Skipped (each says in its file when it runs):')
  for (const name of total.skipped) line(`  ${name}`)
  if (total.failures.length > 0) line('Failed:')
  for (const name of total.failures) line(`  ${name}`)
  line(`${Math.round((Date.now() - startedAt) / 1000)} s in all`)
  line(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`)
}
