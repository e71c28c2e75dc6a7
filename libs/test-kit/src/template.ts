// Prepared ledgers: the data folder of a stopped stack, made once for these programs and this choice, and copied for each
// start. A copy has its databases, keys, logins and patients, and differs from a new ledger in nothing but its age.
// All copies share the keys of their template: for tests that is all the same, for anything else it would not be.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { madeOnce, postgresVersion, type Programs } from '@careseal/stack'
import type { Plan } from './options.js'

const run = promisify(execFile)

/** Raise it when what a template holds is made in another way by this package. */
const MADE_AS = 1

export type TemplateOptions = {
  plan: Plan
  programs: Programs
  /** Fills the folder that it is given, and leaves nothing running on it. */
  make: (dir: string) => Promise<void>
}

/**
 * Copies the template of this plan into an empty folder; where there is none, it is made first. Rejects as `make` does,
 * and the folder has the logs then.
 */
export async function copyOfTemplate(into: string, { plan, programs, make }: TemplateOptions): Promise<void> {
  const dir = await madeOnce(`ledger-${keyOf(plan, programs)}`, async (work) => {
    plan.log('preparing a ledger, once for these services and patients; later starts copy it')
    await make(work).catch((error: unknown) => {
      // The cache keeps nothing of what failed: its logs are this run's.
      const logs = join(work, 'logs')
      if (existsSync(logs)) cpSync(logs, join(into, 'logs'), { recursive: true })
      throw error
    })
    rmSync(join(work, 'logs'), { recursive: true, force: true })
  })
  // With -p root keeps the owner of the database's files, which is nobody.
  await run('cp', ['-Rp', `${dir}/.`, into])
}

function keyOf({ services, patients, witnesses }: Plan, { fingerprint }: Programs): string {
  const parts = [MADE_AS, postgresVersion(), services, patients, witnesses, fingerprint]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16)
}
