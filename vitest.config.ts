import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const source = { conditions: ['@careseal/source'] }
const shared = { resolve: source, ssr: { resolve: source } }

function project(name: string, include: string[], options: object = {}) {
  const exclude = name === 'unit' ? ['**/*.{int,e2e,fault,long}.spec.ts', '**/node_modules/**', '**/dist/**'] : []
  return { ...shared, test: { name, include, exclude, ...options } }
}

// What starts real services runs alone, one file after the other: two cores, and no file waits for another's database.
const alone = { pool: 'forks', maxWorkers: 1, fileParallelism: false }

// A ledger of its own on ports of its own: while one waits, another works.
const inPairs = { pool: 'forks', maxWorkers: 2 }

// Under Nx, or told so, results also go to a file: tools/test.mjs adds them up, and Nx keeps the file with its cache.
const { NX_TASK_TARGET_PROJECT, NX_TASK_TARGET_TARGET, TEST_RESULTS_FILE } = process.env
const results = NX_TASK_TARGET_PROJECT
  ? join(import.meta.dirname, 'tmp', 'test-results', `${NX_TASK_TARGET_PROJECT}.${NX_TASK_TARGET_TARGET}.json`)
  : TEST_RESULTS_FILE

export default defineConfig({
  ...shared,
  test: {
    reporters: results ? ['default', ['json', { outputFile: results }]] : ['default'],
    projects: [
      project('unit', ['{apps,libs}/*/src/**/*.spec.ts', 'test/{support,tidy,deploy,performance,fault}/**/*.spec.ts'], {
        pool: 'threads',
        // Generous: many run at once, on few cores.
        // Real data takes seconds on a machine that does something else as well.
        testTimeout: 30_000,
      }),
      project('int', ['{apps,libs}/*/{src,test}/**/*.int.spec.ts', 'test/{consumers,deploy}/**/*.int.spec.ts'], {
        ...alone,
        testTimeout: 30_000,
        hookTimeout: 60_000,
      }),
      project('e2e', ['test/e2e/**/*.e2e.spec.ts'], { ...inPairs, testTimeout: 120_000, hookTimeout: 240_000 }),
      // The full counts: only when asked for, see tools/test-long.mjs.
      project('long', ['test/fault/**/*.long.spec.ts'], { ...alone, testTimeout: 5_400_000 }),
      project('fault', ['test/fault/**/*.fault.spec.ts'], { ...alone, testTimeout: 600_000, hookTimeout: 240_000 }),
    ],
  },
})
