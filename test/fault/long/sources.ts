// The sources whose change makes a record of the long run stale.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../support/careseal.js'

const SCOPE = '@careseal/'
const RUNNING = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer', 'witness'].map((app) => `apps/${app}`)
const CAMPAIGNS = ['campaign', 'check', 'faults', 'load', 'long', 'surroundings'].map(
  (folder) => `test/fault/${folder}`,
)
const CHECKERS = ['apps/cli/src/fsck', 'apps/cli/src/verify']

/**
 * SHA-256 over path and content of each tracked file that takes part in a run, as it lies here: the services with the
 * libraries that they use, the stack, the campaigns, and the commands that judge each part. Specs of products promise
 * nothing new.
 */
export function sourcesHash(): string {
  const projects = [...closure([...RUNNING, 'libs/stack'])].map((project) => `${project}/src`)
  const args = ['ls-files', '-z', '--', ...projects, ...CAMPAIGNS, ...CHECKERS]
  const listed = execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8' })
  const hash = createHash('sha256')
  for (const path of listed.split('\0').filter(isConcerned).toSorted()) {
    const content = createHash('sha256')
      .update(readFileSync(join(REPOSITORY, path)))
      .digest('hex')
    hash.update(`${path}\0${content}\n`)
  }
  return hash.digest('hex')
}

type Manifest = { dependencies?: Record<string, string> }

function closure(projects: readonly string[], found = new Set<string>()): Set<string> {
  for (const project of projects.filter((name) => !found.has(name))) {
    found.add(project)
    const manifest = JSON.parse(readFileSync(join(REPOSITORY, project, 'package.json'), 'utf8')) as Manifest
    const own = Object.keys(manifest.dependencies ?? {}).filter((name) => name.startsWith(SCOPE))
    closure(
      own.map((name) => `libs/${name.slice(SCOPE.length)}`),
      found,
    )
  }
  return found
}

function isConcerned(path: string): boolean {
  return path !== '' && !path.endsWith('.spec.ts') && existsSync(join(REPOSITORY, path))
}
