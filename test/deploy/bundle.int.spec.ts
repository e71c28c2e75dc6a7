// The bundles that images hold, run apart from the repository: whatever a bundler cannot follow is missing here too.
import { provisionDatabase, startPostgres, type DatabaseService, type RunningPostgres } from '@careseal/stack'
import { spawn, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPOSITORY } from './rendered.js'
import { faultsOf, schemaOf, SERVICES } from './settings.js'

const isBuilt = SERVICES.every((app) => existsSync(join(REPOSITORY, 'apps', app, 'dist', 'main.js')))
const folder = mkdtempSync(join(tmpdir(), 'careseal-bundles-'))
const programsOf = (app: string) => ['main.js', 'migrate.js', ...(app === 'ledger-sequencer' ? ['init.js'] : [])]
const programs = SERVICES.flatMap((app) => programsOf(app).map((program) => [app, program] as const))

let postgres: RunningPostgres
beforeAll(async () => {
  if (!isBuilt) return
  execFileSync(process.execPath, [join(REPOSITORY, 'deploy', 'images', 'bundle.mjs'), folder], { stdio: 'pipe' })
  postgres = await startPostgres()
}, 180_000)
afterAll(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function run(app: string, program: string, env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program], { cwd: join(folder, app, 'dist'), env })
  const [output, errors] = [text(child.stdout), text(child.stderr)]
  const [exitCode] = (await once(child, 'close')) as [number]
  return { exitCode, output: `${await output}${await errors}` }
}

// Not built means that nothing here could run; `npm test` and Nx build first.
describe.skipIf(!isBuilt)('a bundle', () => {
  it.each(programs)('of %s ends %s with 78 and names every missing variable', async (app, program) => {
    const { exitCode, output } = await run(app, program)
    const missing = faultsOf(schemaOf(app, program), {}).map((fault) => fault.split(':')[0] as string)
    expect(exitCode).toBe(78)
    expect(missing.filter((name) => !output.includes(`${name}: is not set`))).toEqual([])
    expect(missing.length).toBeGreaterThan(0)
  })

  it('migrates a real database, each service its own schemas', async () => {
    const urls = await provisionDatabase(postgres.url)
    for (const app of SERVICES) {
      const schema: DatabaseService = app === 'ledger-sequencer' ? 'ledger' : app
      const migration = await run(app, 'migrate.js', { MIGRATION_DATABASE_URL: urls[schema].ownerUrl })
      expect(migration, app).toMatchObject({ exitCode: 0 })
    }
  }, 60_000)

  it('carries the licences of all that is in it', () => {
    const licences = readFileSync(join(folder, 'records', 'THIRD-PARTY.txt'), 'utf8')
    for (const name of ['@nestjs/core', 'pg', 'typeorm', 'zod'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'))
  })
})
