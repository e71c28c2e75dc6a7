// The sources whose change makes a record of the long run stale.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from '../../support/careseal.js'

const APPS = ['identity', 'consent', 'records', 'audit', 'ledger-sequencer']
const PATHS = [...APPS.map((app) => `apps/${app}/src`), 'libs/*/src', 'test/fault']

/** SHA-256 over path and content of each tracked file, as it lies here; specs of products promise nothing new. */
export function sourcesHash(): string {
  const listed = execFileSync('git', ['ls-files', '-z', '--', ...PATHS], { cwd: REPOSITORY, encoding: 'utf8' })
  const hash = createHash('sha256')
  for (const path of listed.split('\0').filter(isConcerned).toSorted()) {
    const content = createHash('sha256')
      .update(readFileSync(join(REPOSITORY, path)))
      .digest('hex')
    hash.update(`${path}\0${content}\n`)
  }
  return hash.digest('hex')
}

function isConcerned(path: string): boolean {
  return path !== '' && !path.endsWith('.spec.ts') && existsSync(join(REPOSITORY, path))
}
