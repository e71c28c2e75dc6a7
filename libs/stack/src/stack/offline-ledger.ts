// The ledger of a data folder while nothing of it runs but its database, for work that no service may see half done: to
// begin it, or to put it back.
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { PRODUCERS } from '@careseal/contracts'
import { Client } from 'pg'
import { freePort } from '../parts/port.js'
import { ledgerOrigin, operatorKeyFiles, operatorVkeys } from './credentials.js'
import { openDataDir, type DataDir } from './data-dir.js'
import { runProgram } from './run-program.js'
import { startParts, type Parts } from './start-parts.js'
import { underStartLock } from './start-lock.js'
import { holdsLedger, INITIALISED, readRunningState } from './state.js'
import type { ServicePorts } from './services.js'
import { witnessCountOf, WitnessSet, type WitnessSurroundings } from './witness-set.js'

export type OfflineOptions = { onProgress: (told: string) => void }

/** As `node apps/ledger-sequencer/dist/recover.js` prints it. */
export type LedgerRecovery = {
  origin: string
  treeSize: number
  height: number
  signedSize: number
  witnesses: { witness: string; size: number | null }[]
  contradiction: string | null
}

/**
 * Begins the ledger of a data folder that has none yet, as the successor of another one.
 *
 * `previous` is the path of that one's last witnessed checkpoint. Throws when the folder's ledger has begun already.
 */
export function initSuccessor(root: string, previous: string, options: OfflineOptions): Promise<{ origin: string }> {
  return offline(root, async (dataDir, parts) => {
    if (holdsLedger(dataDir)) throw new Error(`${dataDir.root} holds a ledger already: name a new folder`)
    await migrate(dataDir, parts)
    const origin = ledgerOrigin(dataDir)
    const genesis = { PRODUCERS: PRODUCERS.join(','), OPERATOR_VKEYS: operatorVkeys(dataDir).join(',') }
    const env = {
      ...environment(dataDir, parts),
      LEDGER_ORIGIN: origin,
      ...genesis,
      PREVIOUS_CHECKPOINT_FILE: previous,
    }
    await runSequencerProgram('init.js', env, options)
    dataDir.writeJson(INITIALISED, { origin })
    return { origin }
  })
}

/**
 * Puts the ledger of a stopped data folder back from a mirror: a URL, the folder of an export, or by default the mirror
 * of its first witness. The tables that were there stay beside, as the schema that `setAside` names; they come back
 * when the recovery fails.
 */
export function recoverLedger(
  root: string,
  from: string | null,
  options: OfflineOptions,
): Promise<LedgerRecovery & { setAside: string }> {
  return offline(root, async (dataDir, parts) => {
    if (!holdsLedger(dataDir)) throw new Error(`${dataDir.root} holds no ledger that could be put back`)
    return withWitnesses(dataDir, async (witnesses) => {
      const mirror = from ?? mirrorOf(witnesses, ledgerOrigin(dataDir))
      const env = { ...environment(dataDir, parts), ...policyOf(dataDir), MIRROR: mirror }
      const setAside = await setSchemaAside(parts)
      try {
        await parts.provision()
        await migrate(dataDir, parts)
        const report = JSON.parse(await runSequencerProgram('recover.js', env, options)) as LedgerRecovery
        return { ...report, setAside }
      } catch (error) {
        await putSchemaBack(parts, setAside)
        throw error
      }
    })
  })
}

/**
 * Runs the sequencer's administration on a stopped data folder: what a halted ledger needs, which `npm start` cannot
 * start. Resolves to its report; the witnesses run only for a retreat, which asks them.
 */
export function administerOffline<Report>(
  root: string,
  command: 'status' | 'retreat',
  options: OfflineOptions,
): Promise<Report> {
  return offline(root, async (dataDir, parts) => {
    if (!holdsLedger(dataDir)) throw new Error(`${dataDir.root} holds no ledger`)
    const run = async () => {
      const files = { OPERATOR_KEY_FILES: operatorKeyFiles(dataDir).join(','), ...policyOf(dataDir) }
      const env = { ...environment(dataDir, parts), ...files, LEDGER_URL: `http://127.0.0.1:${await freePort()}` }
      return JSON.parse(await runSequencerProgram('administer.js', env, options, [command])) as Report
    }
    return command === 'retreat' ? withWitnesses(dataDir, run) : run()
  })
}

async function withWitnesses<T>(dataDir: DataDir, work: (witnesses: WitnessSet) => Promise<T>): Promise<T> {
  const count = witnessCountOf(dataDir)
  const around = await surroundings(dataDir)
  const witnesses = new WitnessSet({ count, around, dataDir, onCrash: () => {} })
  try {
    if (count > 0) await witnesses.start()
    return await work(witnesses)
  } finally {
    await witnesses.stop()
  }
}

async function offline<T>(root: string, work: (dataDir: DataDir, parts: Parts) => Promise<T>): Promise<T> {
  const dataDir = openDataDir(root)
  const running = readRunningState(dataDir)
  if (running) throw new Error(`a ledger runs on ${dataDir.root} (process ${running.pid}): stop it with careseal down`)
  return underStartLock(dataDir, async () => {
    const parts = await startParts({ parts: 'native', dataDir, onCrash: () => {} })
    try {
      await parts.provision()
      return await work(dataDir, parts)
    } finally {
      await parts.stop()
    }
  })
}

function environment(dataDir: DataDir, parts: Parts): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: parts.databaseUrl('ledger'),
    MIGRATION_DATABASE_URL: parts.databaseUrl('ledger_owner'),
    SIGNER_STATE_DIR: dataDir.path('signer'),
  }
}

// Nobody listens at the services' places: witnesses that mirror the ledger find nothing new there, which is right.
async function surroundings(dataDir: DataDir): Promise<WitnessSurroundings> {
  const nowhere: ServicePorts = { host: '127.0.0.1', port: await freePort(), metricsPort: 0 }
  return {
    ports: { 'ledger-sequencer': nowhere },
    network: {},
    ledgerOrigin: ledgerOrigin(dataDir),
    policyFile: dataDir.path('policy.txt'),
  }
}

function mirrorOf({ controlled }: WitnessSet, origin: string): string {
  const [first] = controlled
  if (!first) throw new Error('there is no witness with a mirror: name a mirror with --from')
  return `${first.url}/${createHash('sha256').update(origin).digest('hex')}/mirror`
}

function policyOf(dataDir: DataDir): Record<string, string> {
  const file = dataDir.path('policy.txt')
  return existsSync(file) ? { LEDGER_POLICY_FILE: file } : {}
}

async function migrate(dataDir: DataDir, parts: Parts): Promise<void> {
  await runSequencerProgram('migrate.js', environment(dataDir, parts), { onProgress: () => {} })
}

async function setSchemaAside(parts: Parts): Promise<string> {
  const name = `ledger_before_${Math.floor(Date.now() / 1000)}`
  await asSuperuser(parts, `ALTER SCHEMA ledger RENAME TO ${name}`)
  return name
}

function putSchemaBack(parts: Parts, name: string): Promise<void> {
  return asSuperuser(parts, `DROP SCHEMA IF EXISTS ledger CASCADE; ALTER SCHEMA ${name} RENAME TO ledger`)
}

/** Several statements are one transaction. */
async function asSuperuser({ superuserUrl }: Parts, statements: string): Promise<void> {
  const client = new Client(superuserUrl)
  await client.connect()
  try {
    await client.query(statements)
  } finally {
    await client.end()
  }
}

function runSequencerProgram(
  script: string,
  env: Record<string, string>,
  { onProgress }: OfflineOptions,
  args: string[] = [],
): Promise<string> {
  return runProgram({ service: 'ledger-sequencer', script, args, env, onProgress })
}
