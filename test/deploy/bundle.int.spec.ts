// The bundles that images hold, run apart from the repository: whatever a bundler cannot follow is missing here too.
import { freePort, provisionDatabase, startPostgres, type DatabaseService, type RunningPostgres } from '@careseal/stack'
import { spawn, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { selfSigned } from '../../deploy/compose/self-signed.mjs'
import { REPOSITORY } from './rendered.js'
import { faultsOf, schemaOf, SERVICES } from './settings.js'

const isBuilt = SERVICES.every((app) => existsSync(join(REPOSITORY, 'apps', app, 'dist', 'main.js')))
const folder = mkdtempSync(join(tmpdir(), 'careseal-bundles-'))
const programsOf = (app: string) => [
  'main.js',
  'migrate.js',
  ...(app === 'ledger-sequencer' ? ['init.js', 'signer-main.js'] : []),
]
const programs = SERVICES.flatMap((app) => programsOf(app).map((program) => [app, program] as const))

let postgres: RunningPostgres
beforeAll(async () => {
  if (!isBuilt) return
  execFileSync(process.execPath, [join(REPOSITORY, 'deploy', 'images', 'bundle.mjs'), folder], { stdio: 'pipe' })
  postgres = await startPostgres()
}, 300_000)
afterAll(async () => {
  await postgres?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function start(app: string, args: string[], env: Record<string, string> = {}) {
  return spawn(process.execPath, args, { cwd: join(folder, app, 'dist'), env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function run(app: string, program: string | string[], env: Record<string, string> = {}) {
  const child = start(app, [program].flat(), env)
  const [output, errors] = [text(child.stdout), text(child.stderr)]
  const [exitCode] = (await once(child, 'close')) as [number]
  return { exitCode, output: `${await output}${await errors}` }
}

async function untilSays(child: ReturnType<typeof start>, word: string): Promise<void> {
  let said = ''
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    said += chunk.toString()
    if (said.includes(word)) return void child.stdout.resume()
  }
  throw new Error(`it ended and did not say ${word}: ${said}`)
}

async function signerSettings() {
  const { key, certificate } = selfSigned('localhost')
  const files = { SIGNER_SECRET_FILE: 'a'.repeat(64), TLS_CERT_FILE: certificate, TLS_KEY_FILE: key }
  const paths = Object.entries(files).map(([name, content]) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return [name, join(folder, name)]
  })
  return { PORT: String(await freePort()), ...(Object.fromEntries(paths) as typeof files) }
}

const containing = (part: string) => expect.stringContaining(part) as string

// Not built means that nothing here could run; `npm test` and Nx build first.
describe.skipIf(!isBuilt)('a bundle', () => {
  it.each(programs)('of %s ends %s with 78 and names every missing variable', async (app, program) => {
    const { exitCode, output } = await run(app, program)
    const missing = faultsOf(schemaOf(app, program), {}).map((fault) => fault.split(':')[0] as string)
    expect(exitCode).toBe(78)
    expect(missing.filter((name) => !output.includes(`${name}: is not set`))).toEqual([])
    expect(missing.length).toBeGreaterThan(0)
  })

  it.each([...SERVICES.map((app) => [app, 'recover.js'] as const), ['ledger-sequencer', 'administer.js'] as const])(
    'of %s holds %s, which runbooks name',
    async (app, program) => {
      const { exitCode, output } = await run(app, program)
      expect({ exitCode, output }).toEqual({ exitCode: 78, output: containing('DATABASE_URL: is not set') })
    },
  )

  it('migrates a real database, each service its own schemas', async () => {
    const urls = await provisionDatabase(postgres.url)
    for (const app of SERVICES) {
      const schema: DatabaseService = app === 'ledger-sequencer' ? 'ledger' : app
      const migration = await run(app, 'migrate.js', { MIGRATION_DATABASE_URL: urls[schema].ownerUrl })
      expect(migration, app).toMatchObject({ exitCode: 0 })
    }
  }, 60_000)

  it('of the sequencer begins a ledger, holds its signer in a process of its own, and reaches it by TLS alone', async () => {
    const { ledger } = await provisionDatabase(postgres.url)
    const state = { SIGNER_STATE_DIR: join(folder, 'signer') }
    const signer = { ...state, ...(await signerSettings()) }
    mkdirSync(state.SIGNER_STATE_DIR)
    expect(await run('ledger-sequencer', 'signer-main.js', signer)).toMatchObject({ exitCode: 1 })

    const settings = { DATABASE_URL: ledger.url, LEDGER_ORIGIN: 'careseal.example/bundle' }
    const init = await run('ledger-sequencer', 'init.js', { ...state, ...settings, PRODUCERS: 'audit,records' })
    expect(init).toMatchObject({ exitCode: 0 })
    const { vkey } = JSON.parse(init.output) as { vkey: string }

    const running = start('ledger-sequencer', ['signer-main.js'], { ...signer, HOST: '0.0.0.0' })
    await untilSays(running, '"ready"')
    const url = `https://localhost:${signer.PORT}`
    const asked = {
      ...settings,
      SIGNER_URL: url,
      SIGNER_SECRET_FILE: signer.SIGNER_SECRET_FILE,
      LEDGER_URL: 'http://h:1',
    }
    const status = (more: object) => run('ledger-sequencer', ['administer.js', 'status'], { ...asked, ...more })
    expect(await status({ SIGNER_CA_FILE: signer.TLS_CERT_FILE })).toMatchObject({
      exitCode: 0,
      output: containing(vkey),
    })
    expect(await status({})).toMatchObject({ exitCode: 1, output: containing('does not answer') })
    running.kill()
    expect(await once(running, 'close')).toEqual([0, null])
  }, 60_000)

  it('carries the licences of all that is in it', () => {
    const licences = readFileSync(join(folder, 'records', 'THIRD-PARTY.txt'), 'utf8')
    for (const name of ['@nestjs/core', 'pg', 'typeorm', 'zod'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'))
  })
})
