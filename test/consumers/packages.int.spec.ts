// What is published is what a stranger gets: each package is packed, put where nothing else of this repository is, and
// imported. Third-party packages are those that it declares.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

type Manifest = {
  private?: boolean
  dependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

const REPOSITORY = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'careseal-packages-'))
const modules = join(folder, 'node_modules')
const manifestOf = (name: string) =>
  JSON.parse(readFileSync(join(REPOSITORY, 'libs', name, 'package.json'), 'utf8')) as Manifest

function closureOf(name: string, found = new Set<string>()): Set<string> {
  found.add(name)
  for (const dependency of Object.keys(manifestOf(name).dependencies ?? {})) {
    const own = dependency.replace('@careseal/', '')
    if (own !== dependency && !found.has(own)) closureOf(own, found)
  }
  return found
}

const packages = [...new Set([...closureOf('client'), ...closureOf('nest-jetstream')])]

function install(name: string): void {
  const target = join(modules, '@careseal', name)
  mkdirSync(target, { recursive: true })
  const from = join(REPOSITORY, 'libs', name)
  const packed = execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
    cwd: from,
  })
  const [{ filename }] = Object.values(JSON.parse(packed.toString())) as [{ filename: string }]
  execFileSync('tar', [
    '-xzf',
    join(folder, filename.replace('@careseal/', 'careseal-')),
    '--strip-components=1',
    '-C',
    target,
  ])
  const { dependencies = {}, peerDependencies = {} } = manifestOf(name)
  for (const third of Object.keys({ ...dependencies, ...peerDependencies })) link(third)
}

function link(third: string): void {
  if (third.startsWith('@careseal/')) return
  mkdirSync(dirname(join(modules, third)), { recursive: true })
  try {
    symlinkSync(join(REPOSITORY, 'node_modules', third), join(modules, third))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

beforeAll(() => {
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  for (const name of packages) install(name)
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('packages for others', () => {
  it('are those of the client and of nest-jetstream, none of them private', () => {
    expect(packages.toSorted()).toContain('event-envelope')
    expect(packages.filter((name) => manifestOf(name).private)).toEqual([])
  })

  it.each([
    ['@careseal/client', 'consume'],
    ['@careseal/client/receipts', 'verifyReceipt'],
    ['@careseal/nest-jetstream', 'OnEvent'],
  ])('%s is imported alone and gives %s', (name, member) => {
    const script = `const m = await import('${name}'); process.stdout.write(typeof m.${member})`
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: folder })
    expect(said.toString()).toBe('function')
  })

  it('the client needs no NestJS', () => {
    const declared = [...closureOf('client')].flatMap((name) => Object.keys(manifestOf(name).dependencies ?? {}))
    expect(declared.filter((name) => name.startsWith('@nestjs/'))).toEqual([])
  })
})
