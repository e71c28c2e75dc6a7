// The dependency rule is switched on: one planted violation of each kind is found, and the code as it is has none.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { violations, type Project } from '../../tools/boundary-rules.mjs'

const REPOSITORY = join(import.meta.dirname, '..', '..')

function project(name: string, type: string, more: Partial<Project['manifest']> = {}): Project {
  const folder = type === 'app' ? 'apps' : 'libs'
  const manifest = { name: `@careseal/${name}`, exports: { '.': './src/index.ts' }, ...more }
  return { name: `${folder}/${name}`, tags: [`type:${type}`], manifest, files: [] }
}

const on = (...names: string[]) => ({
  dependencies: Object.fromEntries(names.map((name) => [`@careseal/${name}`, '*'])),
})

function world() {
  return {
    pure: project('merkle', 'pure', on('crypto')),
    crypto: project('crypto', 'pure'),
    adapter: project('keys', 'adapter', on('merkle', 'event-store')),
    otherAdapter: project('event-store', 'adapter', on('keys')),
    nest: project('authz', 'nest', on('keys')),
    app: project('records', 'app', on('authz', 'consent')),
    otherApp: project('consent', 'app'),
    testing: project('testing', 'testing'),
  }
}

function planted(where: keyof ReturnType<typeof world>, path: string, text: string): string[] {
  const projects = world()
  projects[where].files.push({ path, text })
  return violations(Object.values(projects))
}

describe('the dependency rule', () => {
  it.each([
    ['pure', 'src/tree.ts', `import { readFileSync } from 'node:fs'`, 'pure code imports node:fs'],
    ['pure', 'src/tree.ts', `import { hash } from 'node:crypto'`, 'pure code imports node:crypto'],
    ['pure', 'src/tree.ts', `import { Injectable } from '@nestjs/common'`, 'pure code imports @nestjs/common'],
    ['pure', 'src/tree.ts', `import { Client } from 'pg'`, 'pure code imports pg'],
    ['pure', 'src/tree.ts', 'export const now = () => Date.now()', 'pure code calls Date.now('],
    ['pure', 'src/tree.ts', 'export const now = () => new Date()', 'pure code calls new Date()'],
    ['pure', 'src/tree.ts', 'export const draw = () => Math.random()', 'pure code calls Math.random('],
    ['app', 'src/record.decider.ts', `import { Client } from 'pg'`, 'pure code imports pg'],
    ['app', 'src/record.decider.ts', 'export const at = () => new Date()', 'pure code calls new Date()'],
    ['adapter', 'src/kms.ts', `import { Module } from '@nestjs/common'`, 'an adapter imports @nestjs/common'],
    [
      'adapter',
      'src/kms.ts',
      `import { append } from '@careseal/event-store'`,
      'type:adapter may not import type:adapter',
    ],
    ['app', 'src/main.ts', `import { x } from '@careseal/consent'`, 'type:app may not import type:app'],
    ['pure', 'src/tree.ts', `import { x } from '@careseal/keys'`, 'type:pure may not import type:adapter'],
    ['app', 'src/main.ts', `import { given } from '@careseal/testing'`, 'type:app may not import type:testing'],
    ['nest', 'src/guard.ts', `import { x } from '@careseal/keys/src/kms.js'`, 'a deep import'],
    ['nest', 'src/guard.ts', `import { x } from '@careseal/merkle'`, 'does not declare'],
    ['nest', 'src/guard.ts', `const x = await import('@careseal/merkle')`, 'does not declare'],
    ['nest', 'src/guard.ts', `export * from '@careseal/nothing'`, 'which is no project'],
    ['nest', 'src/guard.ts', `import { x } from '../../keys/src/kms.js'`, 'a relative import leaves the project'],
    ['app', 'src/main.ts', `import { x } from './testing/rows.js'`, 'is for specs alone'],
  ] as const)('finds in %s, %s: %s', (where, path, text, message) => {
    expect(planted(where, path, text).join('\n')).toContain(message)
  })

  it.each([
    ['crypto', 'src/hash.ts', `import { createHash } from 'node:crypto'`],
    ['pure', 'src/tree.ts', '// Date.now() is not for us\nexport const at = (ms: number) => new Date(ms)'],
    ['pure', 'src/tree.spec.ts', `import { given } from '@careseal/testing'\nimport { readFileSync } from 'node:fs'`],
    ['app', 'src/main.ts', `import { x } from '@careseal/authz'\nimport { y } from './app.module.js'`],
  ] as const)('lets pass in %s, %s: %s', (where, path, text) => {
    expect(planted(where, path, text)).toEqual([])
  })

  it('finds a cycle between projects', () => {
    const projects = world()
    projects.adapter.tags = ['type:nest']
    projects.otherAdapter.tags = ['type:nest']
    projects.adapter.files.push({ path: 'src/a.ts', text: `import { b } from '@careseal/event-store'` })
    projects.otherAdapter.files.push({ path: 'src/b.ts', text: `import { a } from '@careseal/keys'` })
    expect(violations(Object.values(projects))).toEqual(['a cycle: libs/keys → libs/event-store → libs/keys'])
  })

  it('is held by the code as it is', () => {
    const env = { ...process.env, NX_DAEMON: 'false' }
    const run = () => execFileSync('node', ['tools/boundaries.mjs'], { cwd: REPOSITORY, env, encoding: 'utf8' })
    expect(run()).toMatch(/^\d{2} projects checked, 0 violations/)
  }, 60_000)
})
