import { defineConfig } from 'vitest/config'

const source = { conditions: ['@careseal/source'] }
const shared = { resolve: source, ssr: { resolve: source } }

export default defineConfig({
  ...shared,
  test: {
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          include: ['{apps,libs}/*/src/**/*.spec.ts'],
          exclude: ['**/*.int.spec.ts', '**/*.e2e.spec.ts'],
          pool: 'threads',
        },
      },
      {
        ...shared,
        test: {
          name: 'int',
          include: ['{apps,libs}/*/{src,test}/**/*.int.spec.ts'],
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
