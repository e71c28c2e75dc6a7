import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const source = { conditions: ['@careseal/source'] }
const shared = { resolve: source, ssr: { resolve: source } }

function project(name: string, include: string[], options: object = {}) {
  const exclude = name === 'unit' ? ['**/*.{int,e2e,fault,long}.spec.ts', '**/node_modules/**', '**/dist/**'] : []
  return { ...shared, test: { name, include, exclude, ...options } }
}

// Each starts servers of its own on ports of its own: while one waits, another works.
const inPairs = { pool: 'forks', maxWorkers: 2 }

// Faults are timed: one file after the other, so that nothing else makes a service late.
const alone = { pool: 'forks', maxWorkers: 1, fileParallelism: false }

/** Begun first, that no file of minutes is left for the end; of all others their size is guess enough. */
const isLong = ({ moduleId }: TestSpecification) => /\/(fsck|old-copy)\.e2e\.spec/.test(moduleId)

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    // oxlint-disable-next-line unicorn/no-array-sort -- the sequencer's, not an array's
    const sorted = await super.sort(files)
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))]
  }
}

// Told so, results also go to a file: tools/test.mjs adds them up.
const results = process.env.TEST_RESULTS_FILE

export default defineConfig({
  ...shared,
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
    projects: [
      project('unit', ['{apps,libs}/*/src/**/*.spec.ts', 'test/{support,tidy,deploy,performance,fault}/**/*.spec.ts'], {
        pool: 'threads',
        // Nothing of them outlives a test, and a thread for each file costs more than most files do.
        isolate: false,
        // Generous: many run at once, on few cores.
        // Real data takes seconds on a machine that does something else as well.
        testTimeout: 30_000,
      }),
      project('int', ['{apps,libs}/*/{src,test}/**/*.int.spec.ts', 'test/{consumers,deploy}/**/*.int.spec.ts'], {
        ...inPairs,
        testTimeout: 60_000,
        hookTimeout: 120_000,
      }),
      project('e2e', ['test/e2e/**/*.e2e.spec.ts'], { ...inPairs, testTimeout: 120_000, hookTimeout: 240_000 }),
      // The full counts: only when asked for, see tools/test-long.mjs.
      project('long', ['test/fault/**/*.long.spec.ts'], { ...alone, testTimeout: 5_400_000 }),
      project('fault', ['test/fault/**/*.fault.spec.ts'], { ...alone, testTimeout: 600_000, hookTimeout: 240_000 }),
    ],
  },
})
