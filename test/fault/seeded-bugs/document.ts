// docs/seeded-bugs.md: which test sees which bug. Rendered from the list, so it cannot tell of tests that are gone.
import { join } from 'node:path'
import type { SeededBug } from './seeded-bug.js'
import { renderTable } from './table.js'

const HEAD = `# Seeded bugs

A checker that sees no bug is worth nothing. Each bug of this list is put into a copy of the built code, one at a time;
the test beside it passes without the bug and fails with it. Production code has no switch for any of this.

\`npm test\` checks that every bug still fits the built code and runs two of them, others with each commit.
All of them are run by the first of these, and by nothing else:

\`\`\`sh
node test/fault/seeded-bugs/run.mjs                   # all, about five minutes
node test/fault/seeded-bugs/run.mjs number-by-id      # one
node test/fault/seeded-bugs/run.mjs --rotate 2        # two, chosen by the commit
\`\`\`

This page is written by \`node test/fault/seeded-bugs/run.mjs --docs\`, and a test compares it with the list. The
invariants are those of ARCHITECTURE.md.

`

export function documentPath(root: string): string {
  return join(root, 'docs', 'seeded-bugs.md')
}

export function renderDocument(bugs: readonly SeededBug[]): string {
  const rows = bugs.map(({ name, what, invariants, caughtBy }) => [
    `\`${name}\``,
    what,
    invariants.join(', '),
    `${caughtBy.name} ([spec](../${caughtBy.file}))`,
  ])
  return HEAD + renderTable(['bug', 'what the code does then', 'breaks', 'the test that sees it'], rows)
}
