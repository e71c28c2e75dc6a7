// The alarms of deploy/prometheus rise for what they are there for, and speak of metrics and pages that exist.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const FOLDER = join(REPOSITORY, 'deploy', 'prometheus')
const rules = readFileSync(join(FOLDER, 'rules.yaml'), 'utf8')
const hasPromtool = spawnSync('promtool', ['--version']).status === 0

function found(pattern: RegExp, text = rules): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] as string))]
}

describe('alarms', () => {
  it.skipIf(!hasPromtool)('rise when they should, and only then (skipped without promtool)', () => {
    const said = execFileSync('promtool', ['test', 'rules', 'rules.test.yaml'], { cwd: FOLDER, encoding: 'utf8' })
    expect(said).toContain('SUCCESS')
  })

  it('are each tried by a test', () => {
    const tried = found(/alertname: (\w+)\n\s+exp_alerts/g, readFileSync(join(FOLDER, 'rules.test.yaml'), 'utf8'))
    expect(tried.toSorted()).toEqual(found(/alert: (\w+)/g).toSorted())
  })

  it('watch metrics that the sequencer has', () => {
    const source = readFileSync(join(REPOSITORY, 'apps/ledger-sequencer/src/ledger-metrics.ts'), 'utf8')
    const watched = found(/\b(careseal_ledger_[a-z_]+)\b/g).map((name) => name.replace(/_bucket$/, ''))
    expect(watched.length).toBeGreaterThan(8)
    expect(watched.filter((name) => !source.includes(`'${name}'`))).toEqual([])
  })

  it('each name a page that is there', () => {
    expect(rules.match(/runbook: /g)).toHaveLength(found(/alert: (\w+)/g).length)
    expect(found(/runbook: (\S+)/g).filter((page) => !existsSync(join(REPOSITORY, page)))).toEqual([])
  })
})
