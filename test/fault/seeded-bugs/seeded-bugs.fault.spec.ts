import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documentPath, renderDocument } from './document.js'
import { patchedFiles } from './patch.js'
import { commitHash, rotate } from './rotation.js'
import { REPOSITORY, runSeededBugs } from './run-seeded-bugs.js'
import type { SeededBug } from './seeded-bug.js'
import { SEEDED_BUGS } from './seeded-bugs.js'

const read = (file: string) => readFileSync(join(REPOSITORY, file), 'utf8')
const names = SEEDED_BUGS.map(({ name }) => name)

const REQUIRED = [
  'acknowledge-before-commit',
  'number-by-id',
  'number-by-transaction-id',
  'cursor-before-commit',
  'release-before-record-read',
  'joined-lock-and-read',
  'decide-from-cache',
  'salt-reused',
  'signer-answers-early',
  'signer-state-created',
  'gap-skipped',
  'batch-retried-whole',
]

describe('the seeded bugs', () => {
  it('are those that the design names, and more, each with a name of its own', () => {
    expect(names).toEqual(expect.arrayContaining(REQUIRED))
    expect(new Set(names).size).toBe(names.length)
  })

  it.each(SEEDED_BUGS)('still fit the built code: $name', (bug) => {
    for (const [file, text] of patchedFiles(bug, read)) expect(text).not.toBe(read(file))
  })

  it('are told by docs/seeded-bugs.md as they are', () => {
    expect(readFileSync(documentPath(REPOSITORY), 'utf8')).toBe(renderDocument(SEEDED_BUGS))
  })

  // run.mjs takes all of them.
  it('are seen by their tests: two, chosen by the commit', { timeout: 540_000 }, async () => {
    const seed = commitHash(REPOSITORY)
    const results = await runSeededBugs(rotate(names, 2, seed), {
      onProgress: ({ name, step }) => process.stdout.write(`seeded bug ${name} (seed ${seed}): ${step}\n`),
    })
    for (const result of results) expect(result).toMatchObject({ passedBefore: true, failedAfter: true })
    expect(results).toHaveLength(2)
  })
})

describe('a patch', () => {
  const bug: SeededBug = {
    name: 'planted',
    what: 'does what it must not',
    invariants: [],
    edits: [{ file: 'a.js', find: 'one', replace: '$& two' }],
    caughtBy: { file: 'a.spec.ts', name: 'a' },
  }

  it('is put in as it is written, once', () => {
    expect(patchedFiles(bug, () => 'zero one').get('a.js')).toBe('zero $& two')
  })

  it.each([
    ['is gone', 'zero', 'is no longer there'],
    ['stands there more than once', 'one one', 'stands there 2 times'],
  ])('whose text %s is refused, with the bug, the file and the text', (_case, code, why) => {
    const fit = () => patchedFiles(bug, () => code)
    expect(fit).toThrow(/planted: the patch no longer fits a\.js/)
    expect(fit).toThrow(why)
  })

  it('of a file that is not there is refused', () => {
    expect(() => patchedFiles(bug, () => readFileSync('/nowhere/a.js', 'utf8'))).toThrow('there is no a.js')
  })
})

describe('the rotation', () => {
  it('is the same for the same commit, and reaches every bug', () => {
    expect(rotate(names, 2, 'a')).toEqual(rotate(names.toReversed(), 2, 'a'))
    const seen = new Set(Array.from({ length: 400 }, (_, n) => rotate(names, 2, `seed ${n}`)).flat())
    expect(seen.size).toBe(names.length)
  })
})
