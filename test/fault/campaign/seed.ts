// Where the seeds of a run come from: given, or the commit's, so that everybody who runs one commit runs the same.
import { execFileSync } from 'node:child_process'
import { REPOSITORY } from '../../support/careseal.js'

/** `CARESEAL_FAULT_SEED`, or the hash of the commit; `none` outside of a clone. */
export function baseSeed(): string {
  return process.env['CARESEAL_FAULT_SEED'] ?? commit().slice(0, 12)
}

export function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: REPOSITORY, encoding: 'utf8' }).trim()
  } catch {
    return 'none'
  }
}
