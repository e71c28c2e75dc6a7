import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: REPOSITORY, encoding: 'utf8' })
const files = tracked.split('\n').filter((file) => file !== '' && existsSync(join(REPOSITORY, file)))
const pages = files.filter((file) => file.endsWith('.md'))

describe('documents', () => {
  it('link only to what exists', () => {
    const dangling = pages.flatMap((page) => linksOf(page).filter((target) => !existsSync(target)))
    expect(dangling).toEqual([])
    expect(pages.flatMap(linksOf).length).toBeGreaterThan(30)
  })

  it('list every decision once in the index of decisions', () => {
    const index = readFileSync(join(REPOSITORY, 'docs/adr/README.md'), 'utf8')
    const decisions = pages.filter((page) => /^docs\/adr\/\d{4}-/.test(page))
    expect(decisions.length).toBeGreaterThan(0)
    const listed = (page: string) => index.split(`(${page.slice('docs/adr/'.length)})`).length - 1
    expect(decisions.filter((page) => listed(page) !== 1)).toEqual([])
    for (const page of decisions) {
      const text = readFileSync(join(REPOSITORY, page), 'utf8')
      for (const part of ['Date: ', 'Status: ', '## Context', '## Decision', '## Consequences', '## Enforced by']) {
        expect(text, page).toContain(part)
      }
    }
  })

  it('give every library and app a README', () => {
    const projects = files.filter((file) => /^(libs|apps)\/[^/]+\/package\.json$/.test(file)).map(dirname)
    expect(projects.filter((project) => !existsSync(join(REPOSITORY, project, 'README.md')))).toEqual([])
  })
})

describe('source files', () => {
  const sources = files.filter(
    (file) => /^(libs|apps|test|tools)\/.*\.(ts|mjs)$/.test(file) && !file.includes('/generated/'),
  )

  it('stay under 300 lines', () => {
    const long = sources.filter((file) => readFileSync(join(REPOSITORY, file), 'utf8').split('\n').length > 301)
    expect(long).toEqual([])
  })

  it('are named in kebab case with a role, and never after nothing', () => {
    const odd = sources.filter((file) => !/\/[a-z0-9]+([-.][a-z0-9]+)*\.(ts|mjs)$/.test(`/${file}`))
    expect(odd).toEqual([])
    expect(sources.filter((file) => /(^|\/)(utils?|helpers?|common|types)(\.|\/)/.test(file))).toEqual([])
  })
})

function linksOf(page: string): string[] {
  const text = readFileSync(join(REPOSITORY, page), 'utf8').replaceAll(/```[\s\S]*?```/g, '')
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string)
  const local = targets.filter((target) => !/^(https?:|#)/.test(target))
  return local.map((target) => join(REPOSITORY, dirname(page), target.split('#')[0] as string))
}
