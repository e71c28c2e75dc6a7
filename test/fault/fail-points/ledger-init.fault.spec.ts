// A ledger is begun once, whatever dies while it is begun: the same key and genesis, and never a second one.
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { provisionDatabase, startPostgres, type RunningPostgres } from '@careseal/stack'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REPOSITORY, temporaryFolder, type Ended } from '../../support/careseal.js'
import { FailPoints, failPointEnvironment, MODES } from './fail-points.js'

const STEPS = ['signer.write', 'signer.link', 'signer.sync-folder'] as const
const cases = STEPS.flatMap((step) => MODES.map((mode) => [step, mode] as const))

const folder = temporaryFolder()
const points = new FailPoints(folder.path)
let postgres: RunningPostgres
let admin: string

beforeAll(async () => {
  postgres = await startPostgres({ durable: false })
  admin = postgres.url
})
afterAll(async () => {
  await postgres?.stop()
  folder.remove()
})

describe('a ledger that is begun while processes die', () => {
  it.each(cases)('is begun once when it is struck at %s, %s', async (step, mode) => {
    const ledger = await freshLedger(`${step}-${mode}`)
    points.arm({ step, mode })
    const struck = await run('init.js', ledger)
    await points.struck(1_000)
    expect(struck.code).not.toBe(0)
    const before = filesIn(ledger.SIGNER_STATE_DIR)
    const again = await run('init.js', ledger)
    expect(again, again.stderr).toMatchObject({ code: 0 })
    expect(filesIn(ledger.SIGNER_STATE_DIR)).toMatchObject(before)
    expect(await run('init.js', ledger)).toMatchObject({ code: 0 })
  })
})

type LedgerEnvironment = Record<'DATABASE_URL' | 'MIGRATION_DATABASE_URL' | 'SIGNER_STATE_DIR', string>

// The database is made anew, so that each case begins a ledger of its own.
async function freshLedger(name: string): Promise<LedgerEnvironment> {
  const urls = await provisionDatabase(admin)
  await resetLedger(admin)
  const environment = {
    DATABASE_URL: urls.ledger.url,
    MIGRATION_DATABASE_URL: urls.ledger.ownerUrl,
    SIGNER_STATE_DIR: join(folder.path, name.replaceAll(' ', '-')),
  }
  const migrated = await run('migrate.js', environment)
  expect(migrated, migrated.stderr).toMatchObject({ code: 0 })
  return environment
}

async function resetLedger(url: string): Promise<void> {
  const { Client } = await import('pg')
  const client = new Client({ connectionString: url.replace(/\/postgres$/, '/careseal') })
  await client.connect()
  await client.query('DROP SCHEMA ledger CASCADE; CREATE SCHEMA ledger AUTHORIZATION ledger_owner')
  await client.query('GRANT USAGE ON SCHEMA ledger TO ledger')
  await client.end()
}

/** Key and genesis as they were made; what is not there yet is absent. */
function filesIn(signer: string): Record<string, string> {
  mkdirSync(signer, { recursive: true })
  const contents = ['log.key', 'genesis.json'].flatMap((name) => {
    try {
      return [[name, readFileSync(join(signer, name), 'utf8')] as const]
    } catch {
      return []
    }
  })
  return Object.fromEntries(contents)
}

function run(script: string, ledger: LedgerEnvironment): Promise<Ended> {
  const child = spawn(process.execPath, [join(REPOSITORY, 'apps/ledger-sequencer/dist', script)], {
    env: {
      PATH: process.env['PATH'] ?? '',
      ...ledger,
      ...failPointEnvironment(folder.path),
      LEDGER_ORIGIN: 'ledger.careseal.example/fail-points',
      PRODUCERS: 'consent,records',
    },
  })
  const out = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (out.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (out.stderr += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...out })))
}
