// What is published is what a stranger gets: each package is packed, put where nothing else of this repository is, and
// imported. Third-party packages are those that it declares.
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { closureOf, manifestOf, StrangersFolder } from '../support/packages.js'

const folder = new StrangersFolder()
const packages = [...new Set([...closureOf('client'), ...closureOf('nest-jetstream')])]

beforeAll(() => {
  folder.install(packages)
}, 120_000)
afterAll(() => folder.remove())

describe('packages for others', () => {
  it('are those of the client, of nest-jetstream and of the test kit, none of them private', () => {
    expect(packages.toSorted()).toContain('event-envelope')
    const all = new Set([...packages, ...closureOf('test-kit')])
    expect([...all].filter((name) => manifestOf(name).private)).toEqual([])
  })

  it.each([
    ['@careseal/client', 'consume'],
    ['@careseal/client/receipts', 'verifyReceipt'],
    ['@careseal/nest-jetstream', 'OnEvent'],
  ])('%s is imported alone and gives %s', (name, member) => {
    const script = `const m = await import('${name}'); process.stdout.write(typeof m.${member})`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder.path })
    expect(said.toString()).toBe('function')
  })

  it('the client needs no NestJS', () => {
    const declared = [...closureOf('client')].flatMap((name) => Object.keys(manifestOf(name).dependencies ?? {}))
    expect(declared.filter((name) => name.startsWith('@nestjs/'))).toEqual([])
  })
})
