// Shows that the named tests see the seeded bugs: progress on stderr, one table on stdout, exit code 1 for a bug that
// nobody saw.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { documentPath, renderDocument } from './document.js'
import { PatchDoesNotFit } from './patch.js'
import { commitHash, rotate } from './rotation.js'
import { REPOSITORY, runSeededBugs, type SeededBugResult } from './run-seeded-bugs.js'
import { bugsNamed, SEEDED_BUGS } from './seeded-bugs.js'
import { renderTable } from './table.js'

const HELP = `Usage: node test/fault/seeded-bugs/run.mjs [name…] [options]

Puts one bug after the other into a copy of the built code and runs the test that must see it: it has to pass without
the bug and to fail with it. All bugs when none is named.

Options:
  --rotate N   only N of them, chosen by the seed
  --seed TEXT  default: the hash of the commit
  --list       tells the bugs and their tests, runs nothing
  --docs       writes docs/seeded-bugs.md, runs nothing
  --no-build   takes what is built already
  --help

Exit codes: 0 every bug was seen, 1 one was not, or a patch no longer fits, 2 usage.
`

// Ends the test under way and takes the copy away: both wait for the exit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const flag = { type: 'boolean' } as const
const text = { type: 'string' } as const

try {
  const { values, positionals } = parseArgs({
    options: { rotate: text, seed: text, list: flag, docs: flag, 'no-build': flag, help: { ...flag, short: 'h' } },
    allowPositionals: true,
  })
  const named = bugsNamed(positionals).map(({ name }) => name)
  const seed = values.seed ?? commitHash(REPOSITORY)
  const names = values.rotate === undefined ? named : rotate(named, Number(values.rotate), seed)
  if (values.help) process.stdout.write(HELP)
  else if (values.list) process.stdout.write(list())
  else if (values.docs) writeFileSync(documentPath(REPOSITORY), renderDocument(SEEDED_BUGS))
  else process.exitCode = await run(names, values.rotate === undefined ? '' : ` of seed ${seed}`)
} catch (error) {
  process.stderr.write(`seeded bugs: ${(error as Error).message}\n`)
  process.exitCode = error instanceof PatchDoesNotFit ? 1 : 2
}

async function run(names: readonly string[], ofSeed: string): Promise<number> {
  process.stderr.write(`${names.length} seeded bugs${ofSeed}\n`)
  const results = await runSeededBugs(names, {
    onProgress: ({ name, step, done, total }) => process.stderr.write(`${done + 1}/${total} ${name}: ${step}\n`),
    onResult: ({ name, reason, passedBefore, failedAfter }) =>
      process.stderr.write(`  ${passedBefore && failedAfter ? 'seen' : 'NOT SEEN'} ${name}: ${reason}\n`),
  })
  process.stdout.write(renderTable(['bug', 'passes without', 'fails with', 'seconds'], results.map(rowOf)))
  return results.every(({ passedBefore, failedAfter }) => passedBefore && failedAfter) ? 0 : 1
}

function rowOf({ name, passedBefore, failedAfter, seconds }: SeededBugResult): string[] {
  return [name, passedBefore ? 'yes' : 'NO', failedAfter ? 'yes' : 'NO', seconds.toFixed(0)]
}

function list(): string {
  return SEEDED_BUGS.map(({ name, what, caughtBy }) => `${name}: ${what}\n  ${caughtBy.file}: ${caughtBy.name}\n`).join(
    '',
  )
}
